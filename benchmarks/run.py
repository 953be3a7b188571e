"""All benches, each in a process of its own, one after the other, as one table.

    python -m benchmarks.run [NAME ...] [--quick] [--out=FILE.json] [--compare=OLD.json]
    python -m benchmarks.run throughput:batch=512,precision=bfloat16 train_step:batch=512,steps=50 --out=gpu.json

Options of a bench stand behind a colon, a bench may be asked for several times. The file is written anew after every
bench: what ends early leaves what it had. Exit code 1 if a bench failed, or if with `--compare` one got slower beyond
both spreads.
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import tempfile

from benchmarks import rounds
from sbn.config.environment import environment
from sbn.config.errors import ConfigError, unknown

BENCHES = {
    "train_step": "benchmarks.train_step",
    "throughput": "benchmarks.throughput",
    "growth": "benchmarks.growth",
    "scaling": "benchmarks.scaling",
    "remat": "benchmarks.remat",
    "pytorch": "benchmarks.pytorch",
    "replicas": "benchmarks.replicas",
    "transforms": "benchmarks.transforms",
    "segmentation": "benchmarks.segmentation",
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
    "detection": "benchmarks.detection",
    "translation": "benchmarks.translation",
}


def read(asked):
    """Returns bench and options of what was asked for: `NAME`, or `NAME:OPTION=VALUE,...`; values may have commas.

    Raises:
        ConfigError: if there is no such bench, or what follows its name are no options.
    """
    name, _, text = asked.partition(":")
    if name not in BENCHES:
        raise unknown("bench", name, BENCHES)
    options = re.split(r",(?=\w+=)", text) if text else []
    if options and not re.match(r"\w+=", text):
        raise ConfigError(f"{asked!r}: write {name}:OPTION=VALUE,OPTION=VALUE")
    return name, [f"--{option}" for option in options]


def check(asked):
    """Raises a ConfigError unless the bench reads its options as they stand."""
    name, options = read(asked)
    if options:
        words = [sys.executable, "-m", BENCHES[name], *options, "--check"]
        found = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        if found.returncode:
            said = (found.stderr.strip().splitlines() or [f"exit code {found.returncode}"])[-1]
            raise ConfigError(f"{asked}: {said.partition('error: ')[2] or said}")


def bench(asked, *, quick):
    """Returns what a bench found; None if it failed."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "found.json"
        name, options = read(asked)
        words = [sys.executable, "-m", BENCHES[name], *options, f"--out={out}", *["--quick"] * quick]
        if subprocess.run(words, env=environment(), check=False).returncode or not out.exists():
            return None
        return json.loads(out.read_text())


def machine():
    """What the numbers depend on, beside the code.

    Raises:
        ConfigError: if JAX finds no device.
    """
    ask = "import jax, json; print(json.dumps([jax.device_count(), jax.devices()[0].device_kind]))"
    found = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=False)
    if found.returncode:
        raise ConfigError(f"JAX finds no device: {(found.stderr.strip().splitlines() or ['no word why'])[-1]}")
    cpu = pathlib.Path("/proc/cpuinfo")
    models = [row for row in cpu.read_text().splitlines() if row.startswith("model name")] if cpu.exists() else []
    names = ("jax", "flax", "numpy", "tensorflow", "tensorflow-cpu", "pillow")
    wheels = importlib.metadata.distributions()
    installed = {wheel.metadata["Name"].lower().replace("_", "-"): wheel.version for wheel in wheels}
    return {
        "cpu": models[0].partition(": ")[2] if models else platform.processor(),
        "cores": os.cpu_count(),
        "devices": json.loads(found.stdout.splitlines()[-1]),
        "versions": {"python": platform.python_version()} | {n: installed[n] for n in names if n in installed},
    }


def commit():
    """The commit that was measured; 'unknown' without git."""
    try:
        found = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    return found.stdout.strip() or "unknown"


def write(file, found):
    """Puts the JSON in place at once, so that nobody finds half of it."""
    part = file.with_name(f"{file.name}.part")
    part.write_text(json.dumps(found, indent=1))
    os.replace(part, file)


def comparison(old, new):
    """Returns what to say about each bench that both have, and whether something got slower."""
    said, slower = [], False
    if old["machine"] != new["machine"]:
        said.append("another machine, or other versions: read the comparison with care")
    for asked, found in new["benches"].items():
        there = [then for other, then in old["benches"].items() if other.partition(":")[0] == asked.partition(":")[0]]
        before = next((then for then in there if then["settings"] == found["settings"]), None)
        if before is None:
            said.append(f"{asked}: not compared, {'other settings' if there else 'new'}")
            continue
        ratios, now = ({line["name"]: line["ratio"] for line in which["lines"]} for which in (before, found))
        for line, change in rounds.compare(before["lines"], found["lines"]).items():
            said.append(f"{asked}: {line}: {change}, {ratios[line]:.3f} before, {now[line]:.3f} now")
            slower |= change == "slower"
    return said, slower


def ready(flags):
    """Returns the facts that do not depend on the benches, and the older run's; all that can be mistaken is checked.

    Raises:
        ConfigError: what can't be asked for, read or written.
    """
    for asked in flags.names:
        check(asked)
    try:
        old = json.loads(flags.compare.read_text()) if flags.compare else None
        if old is not None and not {"machine", "benches"} <= old.keys():
            raise ValueError("no file of this command")
    except (OSError, ValueError, AttributeError) as error:
        raise ConfigError(f"--compare={flags.compare}: {getattr(error, 'strerror', None) or error}") from None
    new = {"machine": machine(), "commit": commit(), "date": datetime.datetime.now(datetime.UTC).isoformat()}
    new |= {"quick": flags.quick, "benches": {}}
    if flags.out:
        try:
            flags.out.parent.mkdir(parents=True, exist_ok=True)
            write(flags.out, new)
        except OSError as error:
            raise ConfigError(f"--out={flags.out}: {error.strerror}") from None
    return new, old


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHES)}; default all")
    parser.add_argument("--quick", action="store_true", help="tiny: to see that they work")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--compare", type=pathlib.Path)
    flags = parser.parse_args(argv)
    try:
        new, old = ready(flags)
    except ConfigError as error:
        parser.error(str(error))
    failed, whole = [], new["benches"]
    for asked in dict.fromkeys(flags.names or BENCHES):
        print(f"\n{asked}", flush=True)
        if (found := bench(asked, quick=flags.quick)) is None:
            failed.append(asked)
            continue
        whole[asked] = found
        if flags.out:
            write(flags.out, new)
    lines = [{**line, "name": f"{asked}: {line['name']}"} for asked, found in whole.items() for line in found["lines"]]
    print("\n" + rounds.table(lines))
    said, slower = comparison(old, new) if old else ([], False)
    said += [f"{asked}: {why}" for asked, found in whole.items() if (why := nothing(found))]
    print(*said, *(f"{asked}: FAILED" for asked in failed), sep="\n")
    return int(slower or bool(failed))


def nothing(found):
    """Returns why a bench measured nothing, if it did."""
    why = found["facts"].get(rounds.NOTHING)
    return why and f"{rounds.NOTHING}: {why}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
