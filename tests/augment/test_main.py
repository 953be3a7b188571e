import pytest
from PIL import Image

from sbn.augment.__main__ import main, table


def test_show_prints_every_op_with_probability_argument_and_sign(capsys):
    assert main(["show", "randaugment(3, 4)|crop(4)|flip"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "randaugment(3, 4)|crop(4)|flip"
    assert len(lines) == 2 + 1 + 1 + 16 + 2  # title and blank, header, randaugment, its 16 ops, crop and flip
    cells = {line.split()[0]: line for line in lines[2:]}
    assert "1/16" in cells["Rotate"]
    assert "12 degrees" in cells["Rotate"]
    assert "+ or -" in cells["Rotate"]
    assert "0.82 factor" in cells["Color"]
    assert "154 threshold" in cells["Solarize"]
    assert "+ or -" not in cells["Color"]
    assert "no argument" in cells["Equalize"]
    assert "0.5" in cells["flip"]


def test_columns_are_aligned():
    header, *rows = table("randaugment(2, 9, ops='paper_14')").splitlines()[2:]
    for column in ("probability", "sign"):
        at = header.index(column)
        assert all(row[at - 1] == " " and row[at] != " " for row in rows)


def test_a_bad_string_is_one_line_and_exit_code_2(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["show", "cutuot(3)"])
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "did you mean 'cutout'" in error


def test_a_command_is_required():
    with pytest.raises(SystemExit):
        main([])


def test_a_sheet_has_one_block_a_pipeline(tmp_path, capsys):
    path = tmp_path / "sheet.png"
    words = ["sheet", "flip", "autoaugment('cifar10')", "--images=3", "--draws=2", f"--out={path}"]
    assert main(words) == 0
    assert "2 x 3 images" in capsys.readouterr().out
    with Image.open(path) as sheet:
        assert sheet.height == 2 * (3 * 3 * 34 + 16) + 2 * 8
        assert sheet.width > 3 * (3 * 34 + 4) + 2 * 8  # the title is longer


def test_figure_1_is_drawn_of_any_data_set(tmp_path, capsys):
    path = tmp_path / "figure1.png"
    assert main(["figure1", "--images=2", f"--out={path}"]) == 0
    assert "2 images under 9 augmentations" in capsys.readouterr().out
    with Image.open(path) as figure:
        assert figure.size[0] > 9 * 128
        assert figure.size[1] > 2 * 128


def test_what_can_not_be_drawn_is_one_line_and_exit_code_2(tmp_path, capsys):
    for words, said in (
        (["sheet", "flp"], "did you mean 'flip'"),
        (["sheet", "flip", "flip|cutuot(3)", "--data=nothing"], "op 2 of 2 (column 6): unknown op 'cutuot'"),
        (["sheet", "flip", "--data=shaeps"], "did you mean 'shapes'"),
        (["sheet", "flip", "--images=0"], "the least is 1"),
        (["sheet", "crop(32, fill='reflect')", f"--out={tmp_path / 'x.png'}"], "below 32"),
        (["sheet", "flip|random_crop(33)"], "op 2 of 2: random_crop(size) is 33; for images of 32 x 32 pixels"),
        (["sheet", "flip", "--images=1", f"--out={tmp_path / 'no/x.png'}"], "no/x.png"),
        (["figure1", "--data=cifra10"], "did you mean 'cifar10'"),
        (["figure1", "--images=1"], "at least 2"),
        (["figure1", "--images=2", f"--out={tmp_path / 'no/x.png'}"], "no/x.png"),
    ):
        with pytest.raises(SystemExit, match="2"):
            main(words)
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1


def test_autoaugment_is_shown_one_sub_policy_after_the_other():
    lines = table("autoaugment('cifar10')").splitlines()[3:]
    assert len(lines) == 1 + 25 * 3
    assert lines[4].split()[:6] == ["sub-policy", "2", "1/25", "levels:", "Rotate", "2,"]
    assert lines[5].split() == ["Rotate", "0.7", "6", "degrees", "+", "or", "-,", "1/2", "each"]
    assert lines[6].split() == ["TranslateX", "0.3", "9", "pixels", "+", "or", "-,", "1/2", "each"]


def test_trivialaugment_is_shown_with_its_ranges():
    cells = {line.split()[0]: line for line in table("trivialaugment").splitlines()[3:]}
    assert len(cells) == 1 + 14
    assert "0 to 135 degrees" in cells["Rotate"]
    assert "8 to 2 bits kept" in cells["Posterize"]
    assert "0.01 to 2 factor" in cells["Color"]
    assert all("1/14" in line for name, line in cells.items() if name != "trivialaugment")


def test_inception_crops_are_shown_with_their_ranges():
    title, area, ratio, place = table("inception_crop(224, area=(0.25, 1))").splitlines()[3:]
    assert "area=(0.25, 1)" in title
    assert "resized to 224 x 224, antialiased bilinear" in title
    assert "25 to 100 % of the image, uniform" in area
    assert "0.75 to 1.333, log-uniform" in ratio
    assert "10 tries" in place


def test_augmix_is_shown_with_its_chains_and_ranges():
    text = table("augmix(severity=6)")
    assert "3 chains of 1, 2 or 3 ops" in text
    cells = {line.split()[0]: line for line in text.splitlines()[3:]}
    assert len(cells) == 1 + 1 + 9
    assert "0 to 18 degrees" in cells["Rotate"]
    assert "4 to 2 bits kept" in cells["Posterize"]
    assert "0 to 0.2 of the side" in cells["TranslateY"]
    assert "1/9 a step" in cells["Equalize"]
    assert "Color" in table("augmix(all_ops=True)")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cutout(16)", ["side=16", "16 x 16"]),
        ("cutout(16, half_side=True)", ["32 x 32"]),
        ("patch_gaussian(25, 1)", ["side=25", "sigma=1", "sigma drawn"]),
        ("blur", ["sigma=1.5, side=5"]),
        ("resize_and_pad(16)", ["size=16, placement='centre', fill=0"]),
        ("gaussian(0.2)", ["sigma=0.2, kind='fixed'"]),
        ("random_crop(24)", ["size=24", "24 x 24, anywhere"]),
        ("centre_crop(24)", ["size=24", "the middle 24 x 24"]),
        ("resize(24)", ["size=24", "shorter side becomes 24", "antialiased bilinear"]),
    ],
)
def test_simple_ops_are_shown_with_their_arguments(text, words):
    (line,) = table(text).splitlines()[3:]
    assert all(word in line for word in words), line
