"""Pictures: NumPy arrays in, PNG out. One file a kind of picture; loads no jax, and matplotlib when one is drawn."""
