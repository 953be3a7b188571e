"""The pages about what was measured: the READMEs in results/ and benchmarks/, with their pictures, and an index."""

import html
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("results", "benchmarks")  # of the repository, whose pages the documentation has as well
_CODE_WITH_PIPES = re.compile(r"`([^`\n]*\\\|[^`\n]*)`")

_INDEX = """\
# Runs, and what they measured

All of these runs are small, and nobody has trained a row at the size of its paper. The folder `results/` of the
repository has their configs, logs and numbers, which `sbn report` reads: `sbn report split_bn:table3 --root=results`.
What steps, pipelines and evaluations cost is in [the benchmarks](../benchmarks/README.md).
"""


def pages() -> dict[str, str | bytes]:
    """Returns every page and picture by its place in docs/."""
    found: dict[str, str | bytes] = {"results/index.md": _index()}
    for folder in FOLDERS:
        for page in sorted(ROOT.glob(f"{folder}/**/README.md")):
            text = page.read_text().replace("](../../docs/", "](../../")
            pictures = sorted(page.parent.glob("*.png"))
            more = [f"\n![{picture.stem}]({picture.name})\n" for picture in pictures if f"({picture.name})" not in text]
            made = _CODE_WITH_PIPES.sub(_without_backslashes, text) + "".join(more)
            found[str(page.relative_to(ROOT))] = made
            found |= {str(picture.relative_to(ROOT)): picture.read_bytes() for picture in pictures}
    return found


def _without_backslashes(code: re.Match[str]) -> str:
    """GitHub needs them before pipes in code in tables, and MkDocs would show them."""
    return f"<code>{html.escape(code[1]).replace(chr(92), '').replace('|', '&#124;')}</code>"


def within_docs(markdown: str) -> str:
    """Returns a page of docs/ whose links to those folders lead to the documentation's copies of their pages."""
    for folder in FOLDERS:
        markdown = markdown.replace(f"](../{folder}/", f"]({folder}/")
    return markdown


def _index() -> str:
    titles = {page.parent.name: title_of(page) for page in sorted(ROOT.glob("results/*/README.md"))}
    return "\n".join([_INDEX, *(f"* [{title}]({name}/README.md)" for name, title in titles.items()), ""])


def title_of(page: pathlib.Path) -> str:
    """Returns the heading of a page."""
    return page.read_text().partition("\n")[0].removeprefix("# ")
