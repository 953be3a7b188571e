"""Adds to the documentation the pages that are made from the code: keys, rows, commands, pipelines."""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from sbn.config.environment import quieten_tensorflow  # noqa: E402

quieten_tensorflow()  # pictures of ops are drawn with it

import pages  # noqa: E402
from mkdocs.config.defaults import MkDocsConfig  # noqa: E402
from mkdocs.structure.files import File, Files  # noqa: E402


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Called by MkDocs once it has listed docs/: adds every generated page and picture."""
    for name, content in pages.all_pages().items():
        files.append(File.generated(config, name, content=content))
    return files
