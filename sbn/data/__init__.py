"""Data: sources, and the path from them to batches."""
