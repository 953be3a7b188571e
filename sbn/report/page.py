"""A report as one HTML page that needs nothing else: style, curves and pictures are inside."""

import html
from collections.abc import Sequence
from typing import Final

from sbn.report.accuracy_curves import accuracy_curves
from sbn.report.book import Book, Section
from sbn.report.cells import HEADER, NUMERIC, make_cells
from sbn.report.pictures import picture_of, pictures_of
from sbn.report.tables import Line

_STYLE: Final = """
:root { color-scheme: light dark; --faint: color-mix(in srgb, currentColor 14%, transparent) }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 78rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 2.5rem }
h2.chapter { font-size: 1.3rem; margin-top: 3.5rem }
nav { columns: 3 18rem; font-size: .9rem } nav a, nav b { display: block } nav b { break-after: avoid }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-size: .88rem; width: 100% }
th, td { padding: .25rem .6rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--faint) }
th { border-bottom: 2px solid currentColor } .number { text-align: right; white-space: nowrap }
.number { font-variant-numeric: tabular-nums }
td:nth-child(8) { white-space: nowrap }
tr.none td { opacity: .6 } tr.changed td:first-child { font-style: italic } .warned { color: #c0392b }
svg.curves { width: 100%; max-width: 46rem; display: block; margin: 1rem 0; overflow: visible }
svg text { font: 12px system-ui, sans-serif; fill: currentColor }
.grid { stroke: var(--faint) } .axis { stroke: currentColor; fill: none }
figure { display: inline-block; margin: 0 1rem 1rem 0; vertical-align: top }
figure img { max-width: 36rem; width: 100%; background: white } figcaption { font-size: .85rem }
li { overflow-wrap: anywhere; font-size: .88rem }
"""


def html_page(book: Book) -> str:
    """Returns the page: a table, curves and pictures a section, and at its end what the tables leave out."""
    links = [
        f"<b>{html.escape(section.chapter)}</b>" * bool(section.chapter)
        + f'<a href="#{_anchor(section)}">{html.escape(section.heading)}</a>'
        for section in book.sections
    ]
    body = [f"<h1>{html.escape(book.title)}</h1>"]
    if len(links) > 1:
        body.append(f"<nav>{''.join(links)}</nav>")
    body += map(_section, book.sections)
    if book.notes:
        items = "".join(f"<li>{html.escape(note)}</li>" for note in book.notes)
        body.append(f'<section id="notes"><h2>Not in the tables</h2><ul>{items}</ul></section>')
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(book.title)}</title><style>{_STYLE}</style>"
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n' + "\n".join(body) + "\n</body></html>\n"


def _anchor(section: Section) -> str:
    return html.escape(f"{section.experiment}-{section.table}")


def _section(section: Section) -> str:
    head = "".join(_cell(k, text, "th") for k, text in enumerate(HEADER))
    rows = [_row(line, cells) for line, cells in zip(section.lines, make_cells(section.lines), strict=True)]
    table = f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    chapter = f'<h2 class="chapter">{html.escape(section.chapter)}</h2>' * bool(section.chapter)
    parts = [chapter, f'<section id="{_anchor(section)}"><h2>{html.escape(section.heading)}</h2>', table]
    parts.append(accuracy_curves(section.runs))
    if picture := picture_of(section):
        uri, notes = picture
        parts.append(_figure(uri, "; ".join([f"{section.table}: {section.content.title}", *notes])))
    for name, runs in section.runs.items():
        # The evaluators' pictures of one run: those of other seeds look alike, and a page has to be opened
        for run in sorted(runs, key=lambda run: run.seed)[:1]:
            for what, uri in pictures_of(run).items():
                parts.append(_figure(uri, f"{name}, seed {run.seed}: {what}"))
    return "\n".join([*filter(None, parts), "</section>"])


def _figure(uri: str, text: str) -> str:
    told = html.escape(text)
    return f'<figure><img src="{uri}" alt="{told}"><figcaption>{told}</figcaption></figure>'


def _row(line: Line, cells: Sequence[str]) -> str:
    classes = ["none"] * (line.mean is None) + ["changed"] * bool(line.overrides)
    marked = f' class="{" ".join(classes)}"' if classes else ""
    return f"<tr{marked}>{''.join(_cell(k, text, 'td') for k, text in enumerate(cells))}</tr>"


def _cell(column: int, text: str, tag: str) -> str:
    warned = tag == "td" and any(word in text for word in ("diverged", "failed:")) and column == len(HEADER) - 1
    kind = ' class="number"' if column in NUMERIC else ' class="warned"' if warned else ""
    return f"<{tag}{kind}>{html.escape(text)}</{tag}>"
