"""Experiments as data: schema, rows, durations, command line. Loads neither jax nor tensorflow."""
