"""All benches, each in a process of its own, one after the other, as one table.

    python -m benchmarks.run [NAME ...] [--quick] [--out=FILE.json] [--compare=OLD.json]

Exit code 1 if a bench failed, or if with `--compare` one got slower beyond both spreads.
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile

from benchmarks import rounds
from sbn.config.errors import unknown

BENCHES = {
    "train_step": "benchmarks.train_step",
    "throughput": "benchmarks.throughput",
    "growth": "benchmarks.growth",
    "scaling": "benchmarks.scaling",
    "remat": "benchmarks.remat",
    "pytorch": "benchmarks.pytorch",
    "replicas": "benchmarks.replicas",
    "transforms": "benchmarks.transforms",
    "augment_host": "benchmarks.augment_host",
    "augment_device": "benchmarks.augment_device",
    "augment_ops": "benchmarks.augment_ops",
    "imagenet_input": "benchmarks.imagenet_input",
    "profile": "benchmarks.profile",
    "start_up": "benchmarks.start_up",
    "resume": "benchmarks.resume",
    "saving": "benchmarks.saving",
    "evaluation": "benchmarks.evaluation",
    "fourier": "benchmarks.fourier",
    "corruptions": "benchmarks.corruptions",
}


def bench(name, *, quick):
    """Returns what a bench found, its lines named after it; None if it failed."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "found.json"
        words = [sys.executable, "-m", BENCHES[name], f"--out={out}", *["--quick"] * quick]
        if subprocess.run(words, check=False).returncode or not out.exists():
            return None
        found = json.loads(out.read_text())
    for line in found["lines"]:
        line["name"] = f"{name}: {line['name']}"
    return found


def machine():
    """What the numbers depend on, beside the code."""
    ask = "import jax, json; print(json.dumps([jax.device_count(), jax.devices()[0].device_kind]))"
    devices = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True).stdout
    cpu = pathlib.Path("/proc/cpuinfo")
    models = [row for row in cpu.read_text().splitlines() if row.startswith("model name")] if cpu.exists() else []
    names = ("jax", "flax", "numpy", "tensorflow", "tensorflow-cpu", "pillow")
    installed = {found.metadata["Name"].lower(): found.version for found in importlib.metadata.distributions()}
    return {
        "cpu": models[0].partition(": ")[2] if models else platform.processor(),
        "cores": os.cpu_count(),
        "devices": json.loads(devices),
        "versions": {"python": platform.python_version()} | {n: installed[n] for n in names if n in installed},
    }


def commit():
    found = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def comparison(old, new):
    """Returns what to say about each bench that both have, and whether something got slower."""
    said, slower = [], False
    if old["machine"] != new["machine"]:
        said.append("another machine, or other versions: read the comparison with care")
    for name, found in new["benches"].items():
        before = old["benches"].get(name)
        if before is None or before["settings"] != found["settings"]:
            said.append(f"{name}: not compared, {'new' if before is None else 'other settings'}")
            continue
        ratios = {line["name"]: line["ratio"] for line in before["lines"]}
        for line, change in rounds.compare(before["lines"], found["lines"]).items():
            now = next(new_line["ratio"] for new_line in found["lines"] if new_line["name"] == line)
            said.append(f"{line}: {change}, {ratios[line]:.3f} before, {now:.3f} now")
            slower |= change == "slower"
    return said, slower


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHES)}; default all")
    parser.add_argument("--quick", action="store_true", help="tiny: to see that they work")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--compare", type=pathlib.Path)
    flags = parser.parse_args(argv)
    for name in flags.names:
        if name not in BENCHES:
            parser.error(str(unknown("bench", name, BENCHES)))
    old = json.loads(flags.compare.read_text()) if flags.compare else None
    found = {}
    for name in flags.names or BENCHES:
        print(f"\n{name}", flush=True)
        found[name] = bench(name, quick=flags.quick)
    whole = {name: result for name, result in found.items() if result}
    new = {"machine": machine(), "commit": commit(), "date": datetime.datetime.now(datetime.UTC).isoformat()}
    new |= {"quick": flags.quick, "benches": whole}
    if flags.out:
        flags.out.write_text(json.dumps(new, indent=1))
    print("\n" + rounds.table([line for result in whole.values() for line in result["lines"]]))
    said, slower = comparison(old, new) if old else ([], False)
    print(*said, *(f"{name}: FAILED" for name in found if name not in whole), sep="\n")
    return int(slower or len(whole) < len(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
