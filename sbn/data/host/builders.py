"""What the installed TFDS knows."""


def builders() -> list[str]:
    """Returns the names of its data sets."""
    import tensorflow_datasets as tfds

    return list(tfds.list_builders(with_community_datasets=False))
