"""Sweeps: which runs a table needs, their state, and engines that run the missing ones."""
