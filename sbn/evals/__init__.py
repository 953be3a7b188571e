"""Evaluators: one file each."""
