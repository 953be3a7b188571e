r"""A report as LaTeX, to be put into a paper with \input; needs \usepackage{booktabs,longtable}."""

from collections.abc import Sequence
from typing import Final

from sbn.report.formats import HEADER, NUMERIC, make_cells
from sbn.report.report_data import ReportData

_ESCAPED: Final = {
    "\\": r"\textbackslash{}",
    **{char: "\\" + char for char in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "±": r"$\pm$",
    "–": "--",
    "×": r"$\times$",
    "→": r"$\rightarrow$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "−": "$-$",
    **{
        char: f"$\\{name}$"
        for char, name in {"λ": "lambda", "α": "alpha", "β": "beta", "γ": "gamma", "ε": "epsilon", "σ": "sigma"}.items()
    },
}
# Widths of columns whose text may be long, in shares of the line; the others are as wide as their numbers.
_WIDTHS: Final = {0: 0.15, 1: 0.14, 7: 0.08, 8: 0.1}


def escape(text: str) -> str:
    """Returns `text` as LaTeX sets it in a paragraph; a character that its fonts lack becomes U+CODE."""
    return "".join(_ESCAPED.get(char) or (char if char < "ƀ" else rf"\texttt{{U+{ord(char):04X}}}") for char in text)


def latex(data: ReportData) -> str:
    """Sets every table as a longtable, which may go on over pages, with the rules of booktabs."""
    columns = "".join("r" if k in NUMERIC else rf"p{{{_WIDTHS[k]}\linewidth}}" for k in range(len(HEADER)))
    blocks = [r"% needs \usepackage{booktabs,longtable,textcomp} and \usepackage[T1]{fontenc}"]
    for section in data.sections:
        blocks += [rf"\section*{{{escape(section.chapter)}}}"] * bool(section.chapter)
        blocks.append(
            "\n".join(
                [
                    r"{\footnotesize\setlength{\tabcolsep}{2pt}",
                    rf"\begin{{longtable}}{{@{{}}{columns}@{{}}}}",
                    rf"\caption{{{escape(section.heading)}}}\\",
                    r"\toprule",
                    _row(HEADER),
                    r"\midrule",
                    r"\endhead",
                    *(_row(cells) for cells in make_cells(section.lines)),
                    r"\bottomrule",
                    r"\end{longtable}}",
                ]
            )
        )
    return "\n\n".join(blocks) + "\n"


def _row(cells: Sequence[str]) -> str:
    return " & ".join(_number(cell) if k in NUMERIC else _breakable(cell) for k, cell in enumerate(cells)) + r" \\"


def _number(cell: str) -> str:
    return escape(cell.replace("-", "−"))  # a minus sign, not a hyphen


def _breakable(cell: str) -> str:
    """Text of a narrow column: lines may end within names."""
    broken = escape(cell)
    for char in ("/", r"\_", "=", "."):
        broken = broken.replace(char, char + r"\allowbreak{}")
    return broken
