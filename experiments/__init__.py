"""The papers' tables, a file a paper. `python -m sbn.list` lists them."""
