"""Notebooks for Colab and Jupyter, kept as text: `python -m launch.notebooks --out=notebooks` writes them.

Each file of `text/` is a Python script in cells (`# %%`, `# %% [markdown]`), which runs as it is; Jupytext converts it.
"""
