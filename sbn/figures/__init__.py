"""Figures: NumPy arrays in, matplotlib Figures or PNG out, one file per kind; matplotlib is loaded only to draw."""
