"""A visit to an accelerator, prepared: smoke, benches, then training for the rest of the time; the next one goes on.

    python -m benchmarks.accelerator --out=visit1 --archive=cifar10.npz --minutes=14
    python -m benchmarks.accelerator --out=visit2 --archive=cifar10.npz --minutes=14 --from=visit1
    python -m benchmarks.accelerator --out=/tmp/try --small --minutes=4     # on a CPU: that it works

1. smoke: 20 steps of Table 3's last row on the device data path, twice, with deterministic ops: the same bits.
2. benches: `throughput` and `train_step` in bfloat16 and float32, 90 seconds; those that end are written.
3. the same row, seed 0, at the paper's settings, until the time is up: asked to stop it saves, and the work directory
   is packed into parts of 15 MB.

`visit.json` in the folder has device, versions, date, commands, exit codes and seconds; it is written after every
part. A part that fails does not keep the next from running; the exit code is then 1.
"""

import argparse
import datetime
import json
import os
import pathlib
import signal
import subprocess
import sys
import tarfile
import time

from benchmarks.run import commit, machine, write
from sbn.config.environment import environment
from sbn.config.errors import ConfigError

ROW = "experiments/split_bn.py:table3/weak_augment,seed=0"
DETERMINISTIC = "--xla_gpu_deterministic_ops=true"
PART = 15 * 10**6  # bytes
SAVING = 45  # seconds that are left for the last checkpoint and for packing
SMALL = (
    "model.depth=10",
    "model.width=1",
    "batch_size=16",
    "data.train_examples=64",
    "data.test_examples=32",
)
BENCHES = {
    False: ("throughput:networks=28-2,batch=512,precision=float32,bfloat16,rounds=4", "train_step:batch=512,rounds=4"),
    True: (
        "throughput:networks=10-1,batch=4,precision=float32,bfloat16,rounds=1",
        "train_step:model=10-1,batch=4,rounds=1",
    ),
}


def overrides(flags):
    """What is changed in the row, as words of a command line: the device path, and in small everything else."""
    own = ["data.path=device", *(SMALL if flags.small else ())]
    if flags.archive:
        own += [f"data.archive={flags.archive}"]
    elif flags.small:
        own += ["data.name=shapes"]
    return [f"--config.{text}" for text in own]


def train(flags, workdir, *more, seconds, flags_of_xla=""):
    """Trains; asks it to stop once the time is up. Returns what `visit.json` says of it."""
    words = [sys.executable, "-m", "sbn.train", f"--config={ROW}", *overrides(flags), *more, f"--workdir={workdir}"]
    env = environment() | {"XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {flags_of_xla}".strip()}
    return ran(words, env=env, seconds=seconds)


def ran(words, *, seconds, env=None):
    """Runs a command, asks it to stop (SIGTERM) after so many seconds, and gives it a while to save."""
    began = time.monotonic()
    process = subprocess.Popen(words, env=env)
    try:
        code = process.wait(timeout=max(1, seconds))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(timeout=SAVING)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
    return {"command": words[1:], "exit_code": code, "seconds": round(time.monotonic() - began, 1)}


def smoke(flags, seconds):
    """Twice the same steps: what they logged, but for times, has to be the same."""
    logged, found = [], {}
    for name in ("first", "second"):
        workdir = flags.out / f"smoke_{name}"
        more = ["--config.duration=20 steps", "--config.log.every=1 steps", "--config.save.every=0 steps"]
        found[name] = train(flags, workdir, *more, seconds=seconds / 2, flags_of_xla=DETERMINISTIC)
        file = workdir / "metrics.jsonl"
        lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        kept = [{key: value for key, value in line.items() if "time" not in key} for line in lines]
        logged.append(kept)
    found["steps"] = len(logged[0])
    found["same_bits"] = bool(logged[0]) and logged[0] == logged[1]
    found["exit_code"] = int(not found["same_bits"])
    return found


def benches(flags, seconds):
    """What ends in time is in benches.json."""
    words = [sys.executable, "-m", "benchmarks.run", *BENCHES[flags.small], f"--out={flags.out / 'benches.json'}"]
    return ran(words, seconds=seconds)


def pack(workdir, out):
    """Packs a work directory, without its TensorBoard files, into parts `run.tar.000`, ...; returns their names."""
    whole = out / "run.tar"
    with tarfile.open(whole, "w:gz") as packed:
        packed.add(workdir, arcname="run", filter=lambda entry: None if "tensorboard" in entry.name else entry)
    content = whole.read_bytes()
    whole.unlink()
    parts = [content[start : start + PART] for start in range(0, len(content), PART)]
    for number, part in enumerate(parts):
        (out / f"run.tar.{number:03}").write_bytes(part)
    return [f"run.tar.{number:03}" for number in range(len(parts))]


def unpack(folder, store):
    """Brings back what `pack` packed; returns the work directory.

    Raises:
        ConfigError: if nothing is there.
    """
    parts = sorted(folder.glob("run.tar.*"))
    if not parts:
        raise ConfigError(f"--from={folder}: there is no run.tar.000, of an earlier visit, in it")
    store.mkdir(parents=True, exist_ok=True)
    whole = store / "run.tar"
    whole.write_bytes(b"".join(part.read_bytes() for part in parts))
    with tarfile.open(whole) as packed:
        packed.extractall(store, filter="data")
    whole.unlink()
    return store / "run"


def main(argv):
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--archive", type=pathlib.Path, help="of sbn prepare cifar10")
    parser.add_argument("--minutes", type=float, default=14)
    parser.add_argument("--from", type=pathlib.Path, dest="earlier", help="the folder of an earlier visit")
    parser.add_argument("--only", default="smoke,benches,train", help="of these parts; default all")
    parser.add_argument("--small", action="store_true", help="tiny: to see that it works")
    flags = parser.parse_args(argv)
    end = time.monotonic() + 60 * flags.minutes
    flags.out.mkdir(parents=True, exist_ok=True)
    store = flags.out / "work"
    try:
        workdir = unpack(flags.earlier, store) if flags.earlier else store / "run"
        visit = {"machine": machine(), "commit": commit(), "date": datetime.datetime.now(datetime.UTC).isoformat()}
    except ConfigError as error:
        parser.error(str(error))
    asked, failed = flags.only.split(","), False

    def note(name, found):
        nonlocal failed
        visit[name] = found
        failed |= found["exit_code"] not in (0, 75)
        write(flags.out / "visit.json", visit)
        print(f"{name}: exit code {found['exit_code']}, {end - time.monotonic():.0f} s left", flush=True)

    if "smoke" in asked:
        note("smoke", smoke(flags, 180))
    if "benches" in asked:
        note("benches", benches(flags, 90))
    if "train" in asked:
        found = train(flags, workdir, "--config.save.keep=1", seconds=end - time.monotonic() - SAVING)
        found["parts"] = pack(workdir, flags.out) if workdir.exists() else []
        note("train", found)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
