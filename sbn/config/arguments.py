"""Types of command-line arguments that several programs have: a path, a seed."""

import argparse


def path(text: str) -> str:
    """Returns a path as it was given; an empty one, which would mean the current folder, is refused."""
    if not text.strip():
        raise argparse.ArgumentTypeError("is empty: name a file or folder ('.' is the current one)")
    return text


def seed(text: str) -> int:
    """Returns a seed: a whole number from 0 to 2**31 - 1."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) < 2**31):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no seed: a whole number from 0 to {2**31 - 1}")
    return int(text)
