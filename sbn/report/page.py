"""A report as one HTML page that needs nothing else: its style and figures are inside, these as data URIs."""

import base64
import contextlib
import datetime
import html
import pathlib
from collections.abc import Sequence
from typing import Final

import sbn
from sbn.config.errors import ConfigError
from sbn.figures.make import make_png, to_png, to_svg
from sbn.report import claims, made_by, page_table, sentences
from sbn.report.collect import Run
from sbn.report.courses import draw_courses
from sbn.report.report_data import ReportData, Section, told_choices
from sbn.report.shortened import shortest
from sbn.report.significance import LEVEL
from sbn.report.table_figures import draw_table
from sbn.report.tables import label, main_metric
from sbn.report.verdicts import Judged
from sbn.runs.arrays import check_owner, read_arrays, read_png
from sbn.runs.content import Damaged

_STYLE: Final = """
:root { color-scheme: light dark; --faint: color-mix(in srgb, currentColor 16%, transparent);
  --ours: #0b7a6f; --paper: #b8560f; --link: #0b6a8f; --warned: #b3261e }
@media (prefers-color-scheme: dark) {
  :root { --ours: #4fc4b6; --paper: #f0a35e; --link: #7cc4e8; --warned: #ff8a80 } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 84rem; margin: 2rem auto; padding: 0 1.2rem }
a { color: var(--link); text-decoration: none } a:hover { text-decoration: underline }
h1 { font-size: 1.6rem; line-height: 1.25; margin-bottom: .3rem } h2 { font-size: 1.1rem; margin-top: 2.5rem }
h2.chapter { font-size: 1.35rem; margin-top: 4rem; border-bottom: 1px solid var(--faint); padding-bottom: .3rem }
.about { opacity: .75; font-size: .92rem; max-width: 60rem }
nav { columns: 3 18rem; font-size: .9rem; margin-top: .6rem } nav a { display: block; margin: .12rem 0 }
nav b { display: block; break-after: avoid; margin-top: .5rem } nav .empty { opacity: .75 }
summary { cursor: pointer } .scroll { overflow-x: auto }
table { border-collapse: collapse; font-size: .88rem; width: 100%; margin-top: .4rem }
th, td { padding: .28rem .6rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--faint) }
th { border-bottom: 2px solid currentColor; white-space: nowrap } .number { white-space: nowrap }
.number { text-align: right; font-variant-numeric: tabular-nums } td small { display: block; opacity: .8 }
tr.none td, tr.none + tr.note td { opacity: .62 } tr.changed td:first-child { font-style: italic }
tr.reading td:first-child { padding-left: 1.6rem } .warned, tr.warned td { color: var(--warned) }
tr:has(+ tr.note) td { border-bottom: 0 } tr.note td { padding-top: 0; font-size: .82rem; opacity: .85 }
.picture { white-space: nowrap; font-weight: normal } svg path { fill: none; stroke-width: 1 }
svg .axis { stroke: var(--faint) } svg .paper { stroke: var(--paper); stroke-width: 2.5 }
svg path.ours { stroke: var(--ours); stroke-width: 2 } svg circle.ours { fill: var(--ours) }
figure { display: inline-block; margin: 1rem 1rem 0 0; vertical-align: top; max-width: 100% }
figure img { max-width: 36rem; width: 100%; background: white; border-radius: 4px }
figure.wide img { max-width: 66rem } figcaption { font-size: .85rem; overflow-wrap: anywhere }
li { overflow-wrap: anywhere; font-size: .88rem }
@media (prefers-color-scheme: dark) { figure img[src^="data:image/svg"] { filter: invert(.92) hue-rotate(180deg) } }
@media (max-width: 42rem) { nav { columns: 1 } figure { margin-right: 0 }
  section:not(#claims) { table, tbody, tr, td { display: block; border: 0 }
    thead { display: none }
    tr { border-bottom: 1px solid var(--faint); padding: .3rem 0 } tr:has(+ tr.note) { border: 0 }
    td { padding: .05rem 0 } tr.reading td:first-child { padding-left: 0 }
    td[data-head] { display: inline-block; margin-right: .9rem; text-align: left }
    td.number::before { content: attr(data-head) " "; opacity: .8 }
    td.picture, td.same, td.blank { display: none } } }
@media print { body { max-width: none } details:not([open]) { display: none } figure { break-inside: avoid } }
"""


def html_page(data: ReportData) -> str:
    """Returns the page: per section a table and figures, and at its end what the tables leave out."""
    links = [
        f"<b>{html.escape(section.chapter)}</b>" * bool(section.chapter)
        + f'<a{" class=empty" * (not _measured(section))} href="#{_anchor(section)}">{html.escape(section.heading)}</a>'
        for section in data.sections
    ]
    if data.claims:
        links.append('<b>Claims</b><a href="#claims">What the papers claim</a>')
    body = [f"<h1>{html.escape(data.title)}</h1>", f'<p class="about">{html.escape(_about(data))}</p>']
    if len(links) > 1:
        body.append(f"<nav>{''.join(links)}</nav>")
    drawn: set[pathlib.Path] = set()
    body += [_section(section, drawn) for section in data.sections]
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
    head = "".join(f"<th>{html.escape(text)}</th>" for text in claims.HEADER)
    rows = []
    for one in judged:
        own = [f"{one.claim.text} ({one.claim.where})", *claims.cells(one)[1:]]
        faint = ' class="none"' * (not one.effects)
        rows.append(f"<tr{faint}>{''.join(map(_claim_cell, range(len(own)), own))}</tr>")
    table = f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    plot = ""
    if any(one.effects for one in judged):
        told = "claims: means over seeds with their intervals; dots are seeds, crosses what the papers print"
        plot = _figure(_uri(to_svg(claims.forest(judged)), "svg+xml"), told, wide=True)
    return f'<section id="claims"><h2>What the papers claim</h2>{plot}{table}</section>'


def _claim_cell(column: int, text: str) -> str:
    kind = ' class="number"' if column in claims.NUMERIC else ""
    return f"<td{kind}>{html.escape(text)}</td>"


def _anchor(section: Section) -> str:
    return html.escape(f"{section.experiment}-{section.table}")


def _measured(section: Section) -> bool:
    return any(line.mean is not None for line in section.lines)


def _about(data: ReportData) -> str:
    """How much was run, by which commits, when this was written, and what the numbers mean."""
    rows = {(section.experiment, section.table, line.row) for section in data.sections for line in section.lines}
    run = {
        (section.experiment, section.table, line.row)
        for section in data.sections
        for line in section.lines
        if line.mean is not None
    }
    made = made_by.commits(run for section in data.sections for group in section.runs.values() for run in group)
    return (
        f"{datetime.date.today():%d %B %Y}, sbn {sbn.__version__}. {len(run)} of {len(rows)} rows have runs. "
        f"{made}{' ' * bool(made)}"
        "Ours: mean ± sample standard deviation over seeds. diff: ours minus the paper's number, with its "
        f"{LEVEL:.0%} confidence interval. runs: ours/the paper's (?: it does not say). Rows in italics were run "
        "with the changes below their name. read as: the reading that was taken of what the paper leaves open."
    )


def _section(section: Section, drawn: set[pathlib.Path]) -> str:
    """A table, and its figures; `drawn` are the runs whose figures stand above, in tables that show the same runs."""
    table = page_table.table(section.lines)
    if not _measured(section):
        count = len({line.row for line in section.lines})
        table = f"<details><summary>none of its {count} rows has a run</summary>{table}</details>"
    chapter = f'<h2 class="chapter">{html.escape(section.chapter)}</h2>' * bool(section.chapter)
    parts = [chapter, f'<section id="{_anchor(section)}"><h2>{html.escape(section.heading)}</h2>', table]
    if open_choices := "".join(f"<li>{html.escape(line)}</li>" for line in told_choices(section)):
        parts.append(f"<details><summary>What the paper leaves open here</summary><ul>{open_choices}</ul></details>")
    metric = main_metric(section.content, [run for runs in section.runs.values() for run in runs])
    shown = shortest([line for line in section.lines if section.runs.get(label(line))])
    groups = {shown[name]: runs for name, runs in section.runs.items() if runs}
    papers = {
        shown[label(line)]: line.paper.value
        for line in section.lines
        if line.measure.metric == metric and line.paper and line.difference is not None and label(line) in shown
    }
    if curves := draw_courses(groups, metric=metric, papers=papers):
        told = f"{section.table}: mean over seeds; the band is from the lowest to the highest seed"
        told += "; dotted: the paper's value" * bool(papers)
        parts.append(_figure(_uri(to_svg(curves), "svg+xml"), told))
    try:
        table_figure = figure_of_table(section)
    except ConfigError as error:
        table_figure = None
        parts.append(_paragraph(str(error)))
    if table_figure:
        uri, notes = table_figure
        parts.append(_figure(uri, "; ".join([f"{section.table}: {section.content.title}", *notes])))
    for full, runs in section.runs.items():
        name = shown.get(full, full)
        # The evaluators' figures of one run: those of other seeds look alike, and a page has to be opened
        for run in sorted(runs, key=lambda run: run.seed)[:1]:
            if run.path in drawn:
                continue
            drawn.add(run.path)
            for what, uri in figures_of_run(run).items():
                parts.append(_figure(uri, f"{name}, seed {run.seed}: {what}"))
    parts += sentences.as_html(sentences.translated(section))
    return "\n".join([*filter(None, parts), "</section>"])


def _paragraph(text: str) -> str:
    return f'<p class="warned">{html.escape(text)}</p>'


def _figure(uri: str, text: str, *, wide: bool = False) -> str:
    told = html.escape(text)
    return f'<figure{" class=wide" * wide}><img src="{uri}" alt="{told}"><figcaption>{told}</figcaption></figure>'


def figure_of_table(section: Section) -> tuple[str, Sequence[str]] | None:
    """Returns the figure of a table as a data URI, and its notes; None if there is nothing to draw."""
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
            with contextlib.suppress(Damaged):
                check_owner(arrays, run.config)
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
