"""sbn: split BatchNorms, refined data augmentation, Consistent Normalization. README.md says how to begin."""

from typing import Any


def __getattr__(name: str) -> Any:
    """`sbn.__version__`, read where it is asked for: that takes longer than all else that a command needs."""
    if name != "__version__":
        raise AttributeError(f"module 'sbn' has no attribute {name!r}")
    from importlib import metadata

    try:
        return metadata.version("sbn")
    except metadata.PackageNotFoundError:  # a checkout on the import path, which nobody installed
        return "0 (not installed)"
