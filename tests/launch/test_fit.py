import dataclasses

import pytest

from launch import fit as command
from sbn.accelerators import estimate
from sbn.accelerators.chips import topology
from sbn.accelerators.compiled import Answer
from sbn.accelerators.costs import Costs

FACTS = {"examples": 512, "images": 1024, "steps": 1000, "epochs": 10.0, "parameters": 10, "steps_per_call": 1}
MEMORY = {"arguments": 10**9, "outputs": 0, "aliased": 0, "temporary": 10**9, "code": 0}
COSTS = Costs(1_500_000, 0, 8.19e8, 1.97e11, MEMORY, {}, {"all-reduce": (51, 3_000_000)}, 0, 0, ())
ANSWER = Answer(COSTS, COSTS.held, FACTS)
CONFIG = {"precision": "bfloat16"}
V5E = topology("v5e:2x2")


def test_step_time_lies_between_the_compilers_cycles_and_the_data_sheet():
    found = estimate.fit(ANSWER, V5E, CONFIG)
    # a gigabyte at 819 GB/s and 0.197 teraflop at 197 TFLOP/s are a millisecond each; so are 1.5 M cycles at 1.503 GHz
    assert found.step == pytest.approx((0.000998, 0.001), rel=1e-3)
    assert found.hours == pytest.approx((4 * 1000 * 0.000998 / 3600, 4 * 1000 * 0.001 / 3600), rel=1e-3)
    assert (found.examples, found.collectives, found.exchanged) == (128, 51, 3_000_000)


def test_several_steps_in_one_call_are_counted_as_one_each():
    answer = dataclasses.replace(ANSWER, facts={**FACTS, "steps_per_call": 10})
    whole, tenth = (estimate.fit(one, V5E, CONFIG).step[1] for one in (ANSWER, answer))
    assert tenth == pytest.approx(whole / 10)


def test_a_program_that_the_compiler_refuses_for_its_memory_does_not_fit():
    found = estimate.fit(Answer(None, 20 * 2**30, FACTS), V5E, CONFIG)
    assert not found.fits
    assert found.step is None
    assert command.described("row", found)[1:3] == ("NO", "21.47 of 17.2")


def test_a_gpu_takes_its_operations_from_the_facts_and_keeps_a_tenth_of_its_memory():
    costs = dataclasses.replace(COSTS, cycles=0, flops=None, kernels=100)
    found = estimate.fit(Answer(costs, 2 * 10**9, {**FACTS, "flops": 4 * 9.894e11}), topology("h100:4"), CONFIG)
    assert found.step == pytest.approx((0.001, 0.001))
    assert found.memory == int(0.9 * topology("h100:4").chip.memory)


def _answers(monkeypatch, fits):
    """Answers of a compiler for which a program fits where `fits(flat, topology)`."""

    def compile_all(programs, where):
        for asked in programs:
            yield ANSWER if fits(asked.flat, where) else Answer(None, 20 * 2**30, FACTS)

    monkeypatch.setattr(command, "compile_all", compile_all)
    monkeypatch.setattr(command, "known", lambda asked, where: ANSWER)


def test_a_row_that_fits_is_a_line_and_exit_code_0(monkeypatch, capsys):
    _answers(monkeypatch, lambda flat, where: True)
    assert command.main(["split_bn:table3/weak_augment", "--topology=v5e:2x2"]) == 0
    said = capsys.readouterr().out
    assert "split_bn/table3/weak_augment   yes  2.00 of 17.2" in said


@pytest.mark.parametrize(
    ("where", "sets", "images"),
    [("v5e:2x2", [], None), ("v5e:2x4", [], 64), ("h100:8", [], None), ("v5e:2x2", ["--set=optim.accumulate=4"], 32)],
)
def test_batches_that_leave_a_tpu_half_empty_are_told(monkeypatch, capsys, where, sets, images):
    _answers(monkeypatch, lambda flat, where: True)
    command.main(["split_bn:table3/weak_augment", f"--topology={where}", *sets])
    said = capsys.readouterr().out
    assert (f"{images} images of a view per chip at a time" in said) == bool(images)
    assert ("images of a view" in said) == bool(images)


def test_a_row_that_does_not_fit_names_the_first_change_and_the_fewest_chips_that_help(monkeypatch, capsys):
    _answers(monkeypatch, lambda flat, where: flat["optim.accumulate"] == 2 or where.chips >= 16)
    assert command.main(["split_bn:table3/weak_augment", "--topology=v5e:2x2"]) == 1
    assert "it does with --set optim.accumulate=2 or --topology=v5e:4x4" in capsys.readouterr().out


def test_a_row_that_nothing_helps_says_so(monkeypatch, capsys):
    _answers(monkeypatch, lambda flat, where: False)
    assert command.main(["split_bn:table3/weak_augment", "--topology=v5e:2x2"]) == 1
    assert "none of remat, accumulate and more chips" in capsys.readouterr().out


def test_rows_that_can_not_be_compiled_at_all_end_in_one_line(monkeypatch, capsys):
    monkeypatch.setattr(command, "compile_all", lambda programs, where: [Answer(error="no prepared 'svhn_cropped'")])
    monkeypatch.setattr(command, "known", lambda asked, where: ANSWER)
    with pytest.raises(SystemExit) as stop:
        command.main(["split_bn:table3/weak_augment", "--topology=v5e:2x2"])
    said = capsys.readouterr()
    assert (stop.value.code, said.out) == (2, "")
    assert said.err == "python -m launch.fit: split_bn/table3/weak_augment: no prepared 'svhn_cropped'\n"


def test_the_figure_has_every_number_of_chips_that_divides_the_batch(monkeypatch, tmp_path):
    seen = []
    _answers(monkeypatch, lambda flat, where: seen.append(where.chips) or True)
    out = tmp_path / "fit.png"
    assert command.main(["split_bn:table3/weak_augment", "--topology=v5e:2x2", f"--out={out}"]) == 0
    assert seen == [4, 4, 8, 16, 32, 64, 128]  # of 128 examples
    assert out.read_bytes().startswith(b"\x89PNG")


def test_a_misspelt_topology_is_one_line(capsys):
    with pytest.raises(SystemExit) as stop:
        command.main(["split_bn:table3/weak_augment", "--topology=v5e:2x3"])
    assert stop.value.code == 2
    assert "unknown topology 'v5e:2x3'; did you mean" in capsys.readouterr().err
