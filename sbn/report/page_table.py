"""A table of the HTML page: a line per metric, notes and overrides in small print, and a picture of each number."""

import html
from collections.abc import Mapping, Sequence
from typing import Final

from sbn.config.metric_kinds import base_name
from sbn.config.readings import joined
from sbn.report.formats import HEADER, NONE, NUMERIC, make_cells
from sbn.report.shortened import MARK, Names, names, without_empty
from sbn.report.tables import Line, label

# Where the row stands in the paper, and notes: a line below the row, since as columns they would be a word wide
_COLUMNS: Final = HEADER.index("where")
_BELOW: Final = slice(_COLUMNS, len(HEADER))
_ALARMING: Final = ("diverged", "failed:", "the reading decides")
_WIDTH, _HEIGHT, _MARGIN = 120, 16, 8  # of a picture, in pixels


def table(lines: Sequence[Line]) -> str:
    """Returns <table> with the lines of a section, under what all of its runs with overrides changed."""
    lines = without_empty(lines)
    short = names(lines)
    scales = _scales(lines)
    drawn = bool(scales)
    head = "".join(_cell(column, text, "th") for column, text in enumerate(HEADER[:_COLUMNS]))
    head += '<th class="picture">ours ● paper ┃</th>' * drawn
    every = zip(lines, make_cells(lines, short), strict=True)
    rows = [_row(line, cells, scales, short, drawn=drawn) for line, cells in every]
    told = f'<p class="about">{MARK} changed: {html.escape(short.common)}</p>' if short.common else ""
    return (
        told + f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )


def _row(
    line: Line, cells: Sequence[str], scales: Mapping[str, tuple[float, float]], short: Names, *, drawn: bool
) -> str:
    classes = ["none"] * (line.mean is None) + ["changed"] * bool(line.overrides) + ["reading"] * bool(line.reading)
    marked = f' class="{" ".join(classes)}"' if classes else ""
    own = [_name(line, short) if cells[0] else '<td class="same"></td>']
    own += [_cell(column, text, "td") for column, text in enumerate(cells[:_COLUMNS]) if column]
    if drawn:
        own.append(f'<td class="picture">{_picture(line, scales.get(_kind(line)))}</td>')
    row = f"<tr{marked}>{''.join(own)}</tr>"
    if told := "; ".join(filter(None, cells[_BELOW])):
        kind = "note warned" if any(word in told for word in _ALARMING) else "note"
        row += f'<tr class="{kind}"><td colspan="{_COLUMNS + drawn}">{html.escape(told)}</td></tr>'
    return row


def _name(line: Line, short: Names) -> str:
    """The row's name, and below it what its runs changed."""
    mark, rest = short.parts(line)
    mark = f" {mark}" * bool(mark)
    small = f"<small>{html.escape(rest)}</small>" if rest else ""
    return f'<td title="{html.escape(label(line))}">{_breakable(joined(line.row, line.reading))}{mark}{small}</td>'


def _breakable(name: str) -> str:
    """A row's name that may be broken where a reading begins."""
    return html.escape(name).replace("@", "<wbr>@").replace("+", "<wbr>+")


def _cell(column: int, text: str, tag: str) -> str:
    kinds = ["number"] * (column in NUMERIC) + ["blank"] * (tag == "td" and text == NONE)
    kind = f' class="{" ".join(kinds)}"' if kinds else ""
    if tag == "td":
        kind += f' data-head="{html.escape(HEADER[column])}"'  # shown beside the number on narrow screens
    return f"<{tag}{kind}>{html.escape(_minus(text) if column in NUMERIC else text)}</{tag}>"


def _minus(text: str) -> str:
    """A number with a minus sign as wide as the plus; how many runs, of an unknown number in the paper."""
    return text.replace("-", "−").replace(", paper: not said", "/?")


def _scales(lines: Sequence[Line]) -> dict[str, tuple[float, float]]:
    """The least and the greatest number of every kind of which something was measured, spreads included."""
    found: dict[str, tuple[float, float]] = {}
    for kind in {_kind(line) for line in lines if line.mean is not None}:
        own = [line for line in lines if _kind(line) == kind]
        ends = [end for line in own for end in _ends(line)]
        if sum((line.mean is not None) + (line.paper is not None) for line in own) > 1:  # else nothing to compare with
            found[kind] = (min(ends), max(ends))
    return found


def _kind(line: Line) -> str:
    """What numbers on one scale have in common: 'accuracy' of every branch, split and stage."""
    return base_name(line.measure.metric)


def _ends(line: Line) -> list[float]:
    pairs = [(line.mean, line.std), (line.paper.value, line.paper.std) if line.paper else (None, None)]
    return [mean + sign * (std or 0.0) for mean, std in pairs if mean is not None for sign in (-1, 1)]


def _picture(line: Line, scale: tuple[float, float] | None) -> str:
    """Ours as a dot with its standard deviation, and the paper's number as a stroke, on the scale of the table."""
    if scale is None or (line.mean is None and not line.paper):
        return ""
    low, high = scale

    def at(value: float) -> float:
        return _MARGIN + (_WIDTH - 2 * _MARGIN) * ((value - low) / (high - low) if high > low else 0.5)

    middle, parts = _HEIGHT / 2, [f'<path class="axis" d="M0 {_HEIGHT / 2}H{_WIDTH}"/>']
    if line.paper:
        parts.append(f'<path class="paper" d="M{at(line.paper.value):.1f} 1V{_HEIGHT - 1}"/>')
    if line.mean is not None:
        spread = line.std or 0.0
        parts.append(f'<path class="ours" d="M{at(line.mean - spread):.1f} {middle}H{at(line.mean + spread):.1f}"/>')
        parts.append(f'<circle class="ours" cx="{at(line.mean):.1f}" cy="{middle}" r="4"/>')
    told = f"{low:.4g} to {high:.4g}"
    size = f'width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    return f'<svg {size} role="img" aria-label="{told}"><title>{told}</title>{"".join(parts)}</svg>'
