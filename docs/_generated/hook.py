"""Adds to the documentation the pages that are made from the code and from results."""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from sbn.config.environment import quieten_tensorflow  # noqa: E402

quieten_tensorflow()  # pictures of ops are drawn with it

import measurements  # noqa: E402
import pages  # noqa: E402
from mkdocs.config.defaults import MkDocsConfig  # noqa: E402
from mkdocs.structure.files import File, Files  # noqa: E402
from mkdocs.structure.pages import Page  # noqa: E402


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Called by MkDocs once it has listed docs/: adds every generated page and picture."""
    for name, content in pages.all_pages().items():
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: object) -> str:
    """Called by MkDocs for every page: links to other folders of the repository lead to their pages here."""
    written_by_hand = "/" not in page.file.src_uri
    return measurements.within_docs(markdown) if written_by_hand else markdown
