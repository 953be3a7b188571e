import pytest

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
    assert main(["show", "cutuot(3)"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "did you mean 'cutout'" in error


def test_a_command_is_required():
    with pytest.raises(SystemExit):
        main([])
