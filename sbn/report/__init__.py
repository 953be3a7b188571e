"""Tables of what the runs reached beside what the papers report. Loads neither jax nor tensorflow."""
