"""A data set is found where it lies, or the message says what was looked for and where."""

import pytest

from sbn.config.errors import ConfigError
from sbn.data.layouts import LAYOUTS, find


@pytest.mark.parametrize(
    ("name", "file", "kind", "path"),
    [
        ("tiny_imagenet", "wnids.txt", "folder", "."),
        ("tiny_imagenet", "tiny-imagenet-200/wnids.txt", "folder", "tiny-imagenet-200"),
        ("tiny_imagenet", "tiny-imagenet-200.zip", "zip", "tiny-imagenet-200.zip"),
        ("tiny_imagenet", "tiny_imagenet/1.0.0/dataset_info.json", "records", "tiny_imagenet/1.0.0"),
        ("imagenet2012", "imagenet2012/5.1.0/dataset_info.json", "records", "imagenet2012/5.1.0"),
        ("imagenet2012", "imagenet/train/n01440764/x.JPEG", "folder", "imagenet"),
        ("imagenette", "imagenette/160px-v2/1.0.0/dataset_info.json", "records", "imagenette/160px-v2/1.0.0"),
        ("imagenette", "train/n01440764/x.JPEG", "folder", "."),
    ],
)
def test_every_layout_is_found(tmp_path, name, file, kind, path):
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text("{}")
    found = find(name, str(tmp_path))
    assert (found.kind, str(found.path)) == (kind, str((tmp_path / path).resolve()))


def test_a_zip_may_be_named_itself_and_the_environment_says_where(tmp_path, monkeypatch):
    (tmp_path / "mine.zip").write_bytes(b"")
    assert find("tiny_imagenet", str(tmp_path / "mine.zip")).kind == "zip"
    (tmp_path / "wnids.txt").write_text("")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    assert find("tiny_imagenet", None).kind == "folder"


def test_the_newest_version_is_taken(tmp_path):
    for version in ("5.1.0", "5.0.0", "5.10.0"):
        (tmp_path / "imagenet2012" / version).mkdir(parents=True)
        (tmp_path / "imagenet2012" / version / "dataset_info.json").write_text("{}")
    assert find("imagenet2012", str(tmp_path)).path.name == "5.10.0"


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_is_not_there_is_told_with_all_places_and_how_to_get_it(tmp_path, name):
    with pytest.raises(ConfigError) as caught:
        find(name, str(tmp_path))
    message = str(caught.value)
    assert "\n" not in message
    layout = LAYOUTS[name]
    for words in (str(tmp_path), layout.records, layout.marker, *layout.zips, "data.dir", "TFDS_DATA_DIR", layout.how):
        assert words in message
