"""What runs reached beside what the paper reports: `report(...)`, or `python -m sbn.report` on the command line.

Loads neither jax nor TensorFlow, and matplotlib only when something is drawn.
"""

from collections.abc import Callable, Sequence
from typing import Final

from sbn.config.errors import unknown
from sbn.config.rows import experiment_file, experiment_files, load_experiment
from sbn.report.collect import find_runs
from sbn.report.formats import comma_separated, markdown, per_seed, text
from sbn.report.latex import latex
from sbn.report.measures import parse
from sbn.report.page import html_page
from sbn.report.report_data import ReportData, make_report_data, no_runs, tables_with_runs
from sbn.runs.text import plain

FORMATS: Final[dict[str, Callable[[ReportData], str]]] = {
    "text": text,
    "markdown": markdown,
    "csv": comma_separated,
    "seeds": per_seed,
    "latex": latex,
    "html": html_page,
}


def report(
    target: str, *, root: str, format: str, metrics: Sequence[str] = (), stages: bool = False
) -> tuple[str, list[str]]:
    """Makes the report.

    Args:
        target: FILE or FILE:TABLE; '' for all tables of all experiments.
        root: folder of the runs.
        format: one of FORMATS.
        metrics: what to show, `METRIC[@STAGE][:STATISTIC]`; empty for the default of `make_lines`.
        stages: show every statistic of every stage.

    Returns:
        The tables, and notes on what they leave out, one line each.

    Raises:
        ConfigError: unknown file, table, format, metric or folder; one line, with the nearest.
    """
    if format not in FORMATS:
        raise unknown("format", format, FORMATS)
    path, _, table = target.partition(":")
    experiments = [load_experiment(file) for file in ([experiment_file(path)] if path else experiment_files())]
    if table and table not in experiments[0].tables:
        raise unknown(f"table of {path}", table, experiments[0].tables)
    found = find_runs(root)
    names = None
    if path:
        names = [table] if table else tables_with_runs(experiments[0], found)
        if not names:
            raise no_runs(experiments[0], found)
    data = make_report_data(
        experiments, found, tables=names, measures=[parse(metric) for metric in metrics], stages=stages
    )
    return plain(FORMATS[format](data)), [plain(note) for note in data.notes]
