"""What a machine may do to a command: a full or a read-only disk, no memory, a clock that jumps, folders that vanish.

Each is one line and code 1; nothing half written is taken for whole; training goes on to the same bits afterwards.
"""

import contextlib
import shutil

import pytest

from tests.faults import scenarios

pytestmark = pytest.mark.slow


def lines(text):
    """The lines of standard error, but for the one that says where a run starts."""
    return [line for line in text.splitlines() if "starts at step" not in line and "resumes after" not in line]


def fill(place):
    """Takes all that is left of a disk."""
    with contextlib.suppress(OSError), (place / "filling").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(512))


def assert_told(ended, words, code=1):
    assert ended.code == code, ended
    told = lines(ended.err)
    assert len(told) == 1, ended.err
    assert words in told[0]


@pytest.mark.parametrize("kibibytes", [4, 16, 32, 48, 64, 80, 100, 120, 140, 160, 200])
def test_a_disk_that_is_full_ends_training_in_one_line_and_loses_nothing(disk, train, goes_on, kibibytes):
    place = disk(kibibytes)
    ended = train(folder=place)
    if ended.code == 0:
        pytest.skip(f"a run takes less than {kibibytes} KiB here")
    assert_told(ended, "No space left on device")
    disk()
    goes_on(place)


@pytest.mark.parametrize("most", [200, 1000, 2500, 4000])
def test_files_that_may_not_grow_end_training_in_one_line_and_lose_nothing(train, goes_on, most):
    assert_told(train(("file_size", {"most": most})), "File too large")
    goes_on()


def test_on_a_full_disk_what_was_measured_is_printed_and_nothing_half_written_is_left(warm, run, disk):
    place = disk()
    shutil.copytree(run, place / "run")
    fill(place)
    before = {path.relative_to(place) for path in place.rglob("*") if path.is_file()}
    ended = warm.run("sbn.evaluate", f"--workdir={place}/run")
    assert_told(ended, "No space left on device")
    assert "test/main/accuracy" in ended.out
    assert_told(warm.run("sbn.export", f"--workdir={place}/run", f"--out={place}/net"), "No space left on device")
    assert "holds no exported network" in warm.run("tests.faults.ends", "export", place / "net").err
    words = ["small.py", f"--root={place}", "--format=html", f"--out={place}/book.html"]
    assert_told(warm.run("sbn.report", *words), f"No space left on device: {place}/book.html")
    assert_told(warm.run("sbn.augment", "sheet", "flip", "--images=2", f"--out={place}/a.png"), "No space left")
    assert {path.relative_to(place) for path in place.rglob("*") if path.is_file()} == before


def test_runs_on_a_read_only_disk_are_evaluated_exported_and_reported(warm, run, disk, tmp_path):
    place = disk()
    shutil.copytree(run, place / "run")
    shutil.copytree(run, place / "half")
    (place / "half/result.json").unlink()
    disk(read_only=True)
    ended = warm.run("sbn.evaluate", f"--workdir={place}/run")
    assert_told(ended, "Read-only file system")
    assert "test/main/accuracy" in ended.out
    assert warm.run("sbn.export", f"--workdir={place}/run", f"--out={tmp_path}/net").code == 0
    assert warm.run("sbn.report", "small.py", f"--root={place}/run").code == 0
    assert warm.run("sbn.train", scenarios.ROW, f"--workdir={place}/run").code == 0  # it is done
    for name in ("half", "new"):
        told = warm.run("sbn.train", scenarios.ROW, f"--workdir={place}/{name}")
        assert_told(told, f"Read-only file system: {place}/{name}")
    for words in (
        ("sbn.export", f"--workdir={place}/run", f"--out={place}/net"),
        ("sbn.report", "small.py", f"--root={place}", f"--out={place}/a.html"),
        ("sbn.augment", "figure1", "--images=2", f"--out={place}/a.png"),
        ("sbn.data.corruptions", "--data=shapes", "--kinds=fog", f"--out={place}/made"),
        ("sbn.data.prepare", "toys", f"--out={place}/toys.npz"),
    ):
        assert_told(warm.run(*words), f"{place} can't be written to", code=2)


@pytest.mark.parametrize("mebibytes", [1, 10, 40, 100, 200, 300])
def test_a_process_without_memory_ends_and_loses_nothing(train, goes_on, mebibytes):
    """Not always in one line: C++ code that gets no memory may end a process as it likes."""
    ended = train(("memory", {"more": mebibytes * 2**20}))
    assert ended.code != 2
    if ended.code == 1:
        assert len(lines(ended.err)) == 1, ended.err
    goes_on()


@pytest.mark.parametrize("most", [8, 12, 20, 30])
def test_a_process_that_may_open_few_files_ends_in_one_line_and_loses_nothing(train, goes_on, most):
    ended = train(("open_files", {"most": most}))
    if ended.code != 0:
        assert_told(ended, "Too many open files")
    goes_on()


@pytest.mark.parametrize("seconds", [-7200.0, -3e8, 30.0, 4e7])
def test_a_clock_that_is_set_anew_changes_nothing_of_a_run(train, goes_on, seconds):
    """Orbax waits for its writers by that clock: with a jump far ahead it may give up, which is one line."""
    ended = train(("at_line", {"start": "step 2", "call": ["jump", {"seconds": seconds}]}))
    assert ended.code in ((0, 1) if seconds > 1000 else (0,)), ended
    assert len(lines(ended.err)) == ended.code
    goes_on()


@pytest.mark.parametrize("line", ["step 1", "step 2", "step 4", "test/main"])
def test_a_work_directory_that_vanishes_ends_training_in_one_line_and_goes_on_when_it_is_back(
    train, goes_on, tmp_path, line
):
    folder = tmp_path / "run"
    ended = train(("at_line", {"start": line, "call": ["vanish", {"folder": str(folder)}]}))
    assert ended.code == 1, ended
    (told,) = lines(ended.err)
    assert "No such file or directory" in told or "lock.json is gone" in told
    if folder.exists():  # what was on its way made it again
        assert not (folder / "result.json").exists()
        shutil.rmtree(folder)
    folder.with_name("run.gone").rename(folder)
    goes_on()


def test_who_stops_reading_what_is_printed_ends_a_command_without_a_word(warm, train, goes_on, tmp_path):
    """`| head`."""
    ended = train(("broken_pipe", {}))
    assert (ended.code, lines(ended.err)) == (141, [])
    goes_on()
    run = tmp_path / "run"
    for words in (("sbn.evaluate", f"--workdir={run}"), ("sbn.report", "small.py", f"--root={run}")):
        ended = warm.run(*words, faults=[("broken_pipe", {})])
        assert (ended.code, ended.err) == (141, "")
