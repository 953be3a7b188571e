"""Launching sweeps."""
