"""Interleaved rounds, and what is read from them: ratios with their spread, bars, tables, comparisons.

A bench is a function from its options to (lines, facts). A line is a ratio of two variants, each round's own: its
median, its quartiles, and the bar that it is held to. Ratios that are counted, not timed, have 0 rounds.
"""

import argparse
import importlib.util
import json
import logging
import pathlib
import time

import numpy as np

LEAST_ROUNDS = 4  # for quartiles that mean something
NOTHING = "nothing measured"  # the fact that says why


def clocked(run, times=1):
    """Returns a measure: seconds a call of `run`, by the clock and of all threads of this process."""

    def measure():
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(times):
            run()
        return {"wall": (time.perf_counter() - wall) / times, "cpu": (time.process_time() - cpu) / times}

    return measure


def interleaved(measures, rounds):
    """Returns name -> kind -> one number a round; every other round goes backwards, so that no place is the better."""
    taken = {name: [] for name in measures}
    for number in range(rounds):
        for name in list(measures)[:: -1 if number % 2 else 1]:
            taken[name].append(measures[name]())
    return {name: {kind: np.array([t[kind] for t in found]) for kind in found[0]} for name, found in taken.items()}


def line(name, above, below=1.0, *, bar=None, higher=False):
    """Returns the ratio of two variants as a line.

    Args:
        name: of the line.
        above: one number a round, or a number that was counted.
        below: likewise.
        bar: the most that the ratio may be, or the least if `higher`.
        higher: whether more is better.
    """
    ratios = np.atleast_1d(np.asarray(above, float) / np.asarray(below, float))
    low, median, high = (float(value) for value in np.quantile(ratios, [0.25, 0.5, 0.75]))
    rounds = max(np.size(above) * np.ndim(above), np.size(below) * np.ndim(below))
    return {"name": name, "ratio": median, "low": low, "high": high, "rounds": rounds, "bar": bar, "higher": higher}


def timed(name, above, below, times=1, *, bar=None):
    """Returns the lines of two variants by the clock, which a bar is for, and by CPU time.

    Args:
        name: of the first line; the second one's ends in ', cpu'.
        above: kind -> one number a round, as `interleaved` returns them.
        below: likewise.
        times: so much of `below` is compared with.
        bar: as `line` says.
    """
    wall = line(name, above["wall"], times * below["wall"], bar=bar)
    return [wall, line(f"{name}, cpu", above["cpu"], times * below["cpu"])]


def verdict(line):
    """Returns 'holds' or 'MISSED', or nothing where there is no bar."""
    if line["bar"] is None:
        return ""
    holds = line["ratio"] >= line["bar"] if line["higher"] else line["ratio"] <= line["bar"]
    return "holds" if holds else "MISSED"


def table(lines):
    """Returns the lines as text."""
    rows = [("name", "ratio", "spread", "rounds", "bar", "")]
    for found in lines:
        spread = f"{found['low']:.3f} to {found['high']:.3f}" if found["rounds"] else "counted"
        bar = "" if found["bar"] is None else f"{'>=' if found['higher'] else '<='} {found['bar']:g}"
        rows.append((found["name"], f"{found['ratio']:.3f}", spread, str(found["rounds"]), bar, verdict(found)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def compare(old, new):
    """Returns name -> 'slower' or 'faster' where the quartiles of two sets of lines do not meet.

    Lines of fewer than `LEAST_ROUNDS` rounds say nothing; counted ones say everything.
    """
    before, changed = {found["name"]: found for found in old}, {}
    for now in new:
        then = before.get(now["name"])
        if then is None or any(0 < found["rounds"] < LEAST_ROUNDS for found in (then, now)):
            continue
        if now["low"] > then["high"] or now["high"] < then["low"]:
            changed[now["name"]] = "faster" if (now["low"] > then["high"]) == now["higher"] else "slower"
    return changed


def chosen(what, value, choices):
    """Returns what a dict has for a value.

    Raises:
        ConfigError: if it has nothing; the message names the nearest.
    """
    from sbn.config.errors import unknown  # here: other interpreters import this file for its rounds

    if value not in choices:
        raise unknown(what, value, choices)
    return choices[value]


def missing(*modules):
    """Returns what to say where not all of the modules are installed; else nothing."""
    absent = [name for name in modules if importlib.util.find_spec(name) is None]
    return f"needs {' and '.join(absent)}" if absent else ""


def main(doc, bench, *, needs=(), cached=True, **options):
    """Runs `bench` with the options of the command line: name=(default, default of --quick).

    Args:
        doc: of the command.
        bench: a function from the options to (lines, facts).
        needs: modules without which nothing is measured, and that is no failure.
        cached: keep compiled programs for the next start, as runs do; not where their compilation is measured.
        **options: by name.
    """
    from sbn.config.errors import ConfigError, unknown

    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--quick", action="store_true", help="tiny: to see that it works")
    parser.add_argument("--out", type=pathlib.Path, help="a file for the lines and facts, as JSON")
    parser.add_argument("--check", action="store_true", help="read the options, and measure nothing")
    for name, (usual, quick) in options.items():
        parser.add_argument(
            f"--{name}", type=type(usual), help=f"default {usual!r}, quick {quick!r}".replace("%", "%%")
        )
    given, unread = parser.parse_known_args()
    if unread:
        parser.error(str(unknown("option", unread[0].lstrip("-").partition("=")[0], options)))
    flags = vars(given)
    out, quick, check = flags.pop("out"), flags.pop("quick"), flags.pop("check")
    settings = {name: options[name][quick] if value is None else value for name, value in flags.items()}
    if check:
        return
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
    if why := missing(*needs):
        lines, facts = [], {NOTHING: why}
    else:
        if cached:
            from sbn.train import process

            process.prepare()
            logging.getLogger("sbn").setLevel(logging.WARNING)  # no progress between the numbers
        try:
            lines, facts = bench(**settings)
        except ConfigError as error:
            parser.error(str(error))
    if lines:
        print(table(lines))
    for name, value in facts.items():
        print(f"{name}: {value:.4g}" if isinstance(value, float) else f"{name}: {value}")
    if out:
        out.write_text(json.dumps({"settings": settings, "lines": lines, "facts": facts}))
