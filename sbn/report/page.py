"""A report as one HTML page that needs nothing else: its style and figures are inside, these as data URIs."""

import base64
import html
import pathlib
from collections.abc import Sequence
from typing import Final

from sbn.config.errors import ConfigError
from sbn.figures.make import make_png, to_png, to_svg
from sbn.report import claims
from sbn.report.collect import Run
from sbn.report.courses import draw_courses
from sbn.report.formats import HEADER, NUMERIC, make_cells
from sbn.report.report_data import ReportData, Section, told_choices
from sbn.report.table_figures import draw_table
from sbn.report.tables import Line, main_metric
from sbn.report.verdicts import Judged
from sbn.runs.arrays import read_arrays, read_png
from sbn.runs.content import Damaged

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
tr.none td { opacity: .6 } tr.changed td:first-child { font-style: italic }
tr.reading td:first-child { padding-left: 1.6rem } .warned { color: #c0392b }
figure { display: inline-block; margin: 0 1rem 1rem 0; vertical-align: top }
figure img { max-width: 36rem; width: 100%; background: white } figcaption { font-size: .85rem }
li { overflow-wrap: anywhere; font-size: .88rem }
"""


def html_page(data: ReportData) -> str:
    """Returns the page: per section a table and figures, and at its end what the tables leave out."""
    links = [
        f"<b>{html.escape(section.chapter)}</b>" * bool(section.chapter)
        + f'<a href="#{_anchor(section)}">{html.escape(section.heading)}</a>'
        for section in data.sections
    ]
    if data.claims:
        links.append('<b>Claims</b><a href="#claims">What the papers claim</a>')
    body = [f"<h1>{html.escape(data.title)}</h1>"]
    if len(links) > 1:
        body.append(f"<nav>{''.join(links)}</nav>")
    body += map(_section, data.sections)
    if data.claims:
        body.append(_claims(data.claims))
    if data.notes:
        items = "".join(f"<li>{html.escape(note)}</li>" for note in data.notes)
        body.append(f'<section id="notes"><h2>Not in the tables</h2><ul>{items}</ul></section>')
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(data.title)}</title><style>{_STYLE}</style>"
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n' + "\n".join(body) + "\n</body></html>\n"


def _claims(judged: Sequence[Judged]) -> str:
    """The forest plot of claims, and their table."""
    head = "".join(_cell(k, text, "th") for k, text in enumerate(claims.HEADER))
    rows = []
    for one in judged:
        own = [f"{one.claim.text} ({one.claim.where})", *claims.cells(one)[1:]]
        faint = ' class="none"' * (not one.effects)
        rows.append(f"<tr{faint}>{''.join(map(_claim_cell, range(len(own)), own))}</tr>")
    table = f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    plot = ""
    if any(one.effects for one in judged):
        told = "claims: means over seeds with their intervals; dots are seeds, crosses what the papers print"
        plot = _figure(_uri(to_svg(claims.forest(judged)), "svg+xml"), told)
    return f'<section id="claims"><h2>What the papers claim</h2>{plot}{table}</section>'


def _claim_cell(column: int, text: str) -> str:
    kind = ' class="number"' if column in claims.NUMERIC else ""
    return f"<td{kind}>{html.escape(text)}</td>"


def _anchor(section: Section) -> str:
    return html.escape(f"{section.experiment}-{section.table}")


def _section(section: Section) -> str:
    head = "".join(_cell(k, text, "th") for k, text in enumerate(HEADER))
    rows = [_row(line, cells) for line, cells in zip(section.lines, make_cells(section.lines), strict=True)]
    table = f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    chapter = f'<h2 class="chapter">{html.escape(section.chapter)}</h2>' * bool(section.chapter)
    parts = [chapter, f'<section id="{_anchor(section)}"><h2>{html.escape(section.heading)}</h2>', table]
    if open_choices := "".join(f"<li>{html.escape(line)}</li>" for line in told_choices(section)):
        parts.append(f"<details><summary>What the paper leaves open here</summary><ul>{open_choices}</ul></details>")
    metric = main_metric(section.content, [run for runs in section.runs.values() for run in runs])
    if curves := draw_courses(section.runs, metric=metric):
        parts.append(_figure(_uri(to_svg(curves), "svg+xml"), f"{section.table}: mean over seeds, least to most"))
    try:
        table_figure = figure_of_table(section)
    except ConfigError as error:
        table_figure = None
        parts.append(_paragraph(str(error)))
    if table_figure:
        uri, notes = table_figure
        parts.append(_figure(uri, "; ".join([f"{section.table}: {section.content.title}", *notes])))
    for name, runs in section.runs.items():
        # The evaluators' figures of one run: those of other seeds look alike, and a page has to be opened
        for run in sorted(runs, key=lambda run: run.seed)[:1]:
            for what, uri in figures_of_run(run).items():
                parts.append(_figure(uri, f"{name}, seed {run.seed}: {what}"))
    return "\n".join([*filter(None, parts), "</section>"])


def _paragraph(text: str) -> str:
    return f'<p class="warned">{html.escape(text)}</p>'


def _figure(uri: str, text: str) -> str:
    told = html.escape(text)
    return f'<figure><img src="{uri}" alt="{told}"><figcaption>{told}</figcaption></figure>'


def _row(line: Line, cells: Sequence[str]) -> str:
    classes = ["none"] * (line.mean is None) + ["changed"] * bool(line.overrides)
    classes += ["reading"] * bool(line.reading)
    marked = f' class="{" ".join(classes)}"' if classes else ""
    return f"<tr{marked}>{''.join(_cell(k, text, 'td') for k, text in enumerate(cells))}</tr>"


def _cell(column: int, text: str, tag: str) -> str:
    warned = (
        tag == "td"
        and any(word in text for word in ("diverged", "failed:", "the reading decides"))
        and column == len(HEADER) - 1
    )
    kind = ' class="number"' if column in NUMERIC else ' class="warned"' if warned else ""
    return f"<{tag}{kind}>{html.escape(text)}</{tag}>"


def figure_of_table(section: Section) -> tuple[str, Sequence[str]] | None:
    """Returns the figure of a table, as a data URI, and what it can't say; None where there is nothing to draw."""
    if not section.content.figure or not section.runs:
        return None
    runs = [run for group in section.runs.values() for run in group]
    drawn = draw_table(section.table, section.content, runs)
    return (_uri(to_png(drawn.figure)), drawn.notes) if drawn else None


def figures_of_run(run: Run) -> dict[str, str]:
    """Returns {'EVALUATOR, step STEP': data URI of a PNG} of the ends of the run and of its stages."""
    found: dict[str, bytes] = {}
    for step in sorted({run.steps, *(stop for _, stop in run.stages.values())}):
        for folder in sorted((run.path / "artifacts").glob("*/")):
            drawn, arrays = folder / f"{step}.png", folder / f"{step}.npz"
            if png := _picture(drawn) or _drawn(arrays):
                found[f"{folder.name}, step {step}"] = png
    return {name: _uri(png) for name, png in found.items()}


def _uri(image: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"


def _drawn(file: pathlib.Path) -> bytes | None:
    """The figure of an evaluator's arrays; None where there are none, or none that can be drawn."""
    try:
        arrays = read_arrays(file)
        return make_png(file.parent.name, arrays) if arrays else None
    except (Damaged, LookupError, ValueError, TypeError, StopIteration, ArithmeticError):
        return None


def _picture(file: pathlib.Path) -> bytes | None:
    try:
        return read_png(file)
    except Damaged:
        return None
