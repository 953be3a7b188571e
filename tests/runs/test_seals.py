"""A changed value that is another sound one is noticed in every file of a run; files without a checksum are read."""

import json
import math

import pytest
from etils import epath

from sbn.config import tree
from sbn.runs import files
from sbn.runs.content import Damaged
from sbn.runs.seals import SEAL, sealed, unsealed
from tests.runs.test_files import SOUND

VALUES = {"a": 1, "b": [0.1, -0.0, 1e300, math.nan, math.inf], "c": {"é": None, "d": "x\n"}, "e": True}


def digits(content):
    """Where digits stand in a file's text."""
    return [place for place, sign in enumerate(content) if chr(sign).isdigit()]


def test_a_sealed_object_comes_back_as_it_was_also_written_in_another_way():
    for value in (VALUES, {}, {"a": {"b": [{"c": 1.5}]}}):
        found = unsealed(json.loads(json.dumps(sealed(value), indent=7, ensure_ascii=False, sort_keys=True)))
        assert json.dumps(found, sort_keys=True) == json.dumps(value, sort_keys=True)
    assert sealed(sealed(VALUES)) == sealed(sealed(sealed(VALUES)))


@pytest.mark.parametrize(
    "change", [{"a": 2}, {"a": 1.0}, {"a": True}, {"e": False}, {"b": []}, {"c": {"é": None, "d": "x"}}, {"f": None}]
)
def test_any_other_value_breaks_the_seal(change):
    with pytest.raises(ValueError, match=f"changed since it was written; if that is meant, remove '{SEAL}'"):
        unsealed({**sealed(VALUES), **change})
    assert unsealed({**VALUES, **change})["b"] is not None


@pytest.mark.parametrize("seal", [None, "1", 1.5, -1, [], True])
def test_a_seal_that_is_no_checksum_is_broken(seal):
    with pytest.raises(ValueError, match="changed since"):
        unsealed({**VALUES, SEAL: seal})


def read(content):
    try:
        return json.loads(content)
    except ValueError:
        return None


@pytest.mark.parametrize("name", SOUND)
def test_another_digit_anywhere_in_a_file_of_a_run_is_damage(tmp_path, name):
    files.write(tmp_path, name, SOUND[name])
    path, content = tmp_path / name, (tmp_path / name).read_bytes()
    places = digits(content)
    for place in places[:: max(len(places) // 40, 1)]:
        other = b"%d" % ((int(content[place : place + 1]) + 1) % 10)
        path.write_bytes(content[:place] + other + content[place + 1 :])
        if read(path.read_bytes()) != read(content):  # the last of many digits may make no other number
            with pytest.raises(Damaged):
                files.read(tmp_path, name)


@pytest.fixture
def finished(tmp_path):
    """A finished run's folder, and what writes its config with other values, sealed or not."""
    config = {**tree.defaults(), "optim.lr": 0.2}
    result = {**SOUND[files.RESULT], "config": tree.to_config(config).to_dict()}
    files.write(tmp_path, files.RESULT, result)

    def write(*, seal, **changes):
        content = tree.to_config({**config, **changes}).to_dict()
        if seal:
            files.write(tmp_path, files.CONFIG, content)
        else:
            (tmp_path / files.CONFIG).write_text(json.dumps(content))
        return epath.Path(tmp_path)

    return write


@pytest.mark.parametrize("seal", [True, False])
def test_a_config_that_is_another_than_the_result_says_is_damage_also_of_older_runs(finished, seal):
    assert files.read_config(finished(seal=seal)).optim.lr == 0.2
    with pytest.raises(Damaged, match=r"config\.json is damaged \(optim\.lr is 0\.3 in it, 0\.2 in result\.json\)"):
        files.read_config(finished(seal=seal, **{"optim.lr": 0.3}))


def test_where_the_data_lies_may_differ_between_config_and_result(finished):
    assert files.read_config(finished(seal=True, **{"data.dir": "/elsewhere"})).data.dir == "/elsewhere"


def test_a_damaged_result_hinders_nobody_who_needs_the_config_alone(finished):
    folder = finished(seal=True)
    (folder / files.RESULT).write_text("{")
    assert files.read_config(folder).optim.lr == 0.2
