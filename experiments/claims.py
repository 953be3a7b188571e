"""What the papers claim, at a size where five seeds of everything take an afternoon."""

from typing import Any

from ml_collections import ConfigDict

from experiments._claims_rows import ROWS
from sbn.config.rows import make_config

BASE: dict[str, Any] = {}
TABLES = ROWS


def get_config(arg: str = "") -> ConfigDict:
    """Returns the config of 'table/row,key=value,...'."""
    return make_config(BASE, TABLES, arg)
