"""Sweeps: which runs a table needs, what has become of them, and engines that run what is missing."""
