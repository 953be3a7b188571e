"""The command: lists, makes, goes on, shows."""

import re

import numpy as np
import pytest
from PIL import Image

from sbn.data.corruptions import kinds
from sbn.data.corruptions.__main__ import main

SHAPES = ["--data=shapes", "--examples=12", "--seed=2"]


def test_it_lists_all_types_with_their_parameters(capsys):
    assert main([]) == 0
    listed = capsys.readouterr().out
    assert [line.split()[1] for line in listed.splitlines()[::2]] == list(kinds.KINDS)
    assert re.search(r"weather +fog +CIFAR +0.2,3 +0.5,3 +0.75,2.5", listed)


def test_it_makes_files_and_goes_on_where_it_was_stopped(tmp_path, capsys):
    words = [*SHAPES, f"--out={tmp_path}"]
    assert main([*words, "--kinds=fog"]) == 0
    said = capsys.readouterr().out
    assert "not the released images" in said
    assert re.search(r"  3/5  fog_3: \d+ images/s, about \d+ s left", said)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(files) == 5
    assert main([*words, "--kinds=noise,fog"]) == 0
    assert len(list(tmp_path.iterdir())) == 20
    assert {path: path.stat().st_mtime_ns for path in files} == files


def test_it_shows_one_image_in_all_severities(tmp_path, capsys):
    sheet = tmp_path / "sheet.png"
    assert main([*SHAPES, "--kinds=contrast,pixelate", "--image=7", f"--sheet={sheet}"]) == 0
    with Image.open(sheet) as picture:
        # two blocks: a title of 16, and six images of 32 with gaps of 2, the first set apart, three times as large; a
        # margin of 8 around both
        assert picture.size == (2 * 8 + 3 * (6 * 34 + 4), 2 * 8 + 2 * (16 + 3 * 34))
        pixels = np.asarray(picture.convert("RGB")).astype(float)
    spread = [pixels[24:120, left : left + 96].std() for left in range(122, 608, 102)]
    assert len(spread) == 5
    assert spread == sorted(spread, reverse=True)  # contrast goes


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--kinds=fgo"], "did you mean 'fog'"),
        (["--kinds=frost"], "frost needs photographs"),
        (["--kinds=fog", "--image=12"], "--image=12: there are 12 images"),
        (["--kinds=fog", "--data=shaeps", "--examples=12"], "did you mean 'shapes'"),
    ],
)
def test_what_can_not_be_had_is_one_line_and_exit_code_2(tmp_path, capsys, words, said):
    data = [] if any(word.startswith("--data") for word in words) else SHAPES
    with pytest.raises(SystemExit, match="2"):
        main([*data, f"--sheet={tmp_path / 'x.png'}", *words])
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
