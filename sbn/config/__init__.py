"""Experiments as data: the schema of a config, the rows of a table, the command line. Loads neither jax nor tensorflow."""
