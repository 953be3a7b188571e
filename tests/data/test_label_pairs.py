"""Data sets of images and label images: what each layout comes to, and what is told of files that are not right."""

import struct
import zlib

import numpy as np
import pytest
import scipy.io
from etils import epath
from PIL import Image

from sbn.config import tree
from sbn.config.errors import ConfigError
from sbn.data import camvid, cityscapes, sources
from sbn.data.forms import VOID

SIZE = (6, 8)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def image(path, size=SIZE):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size[::-1], (10, 20, 30)).save(path)


def labels(path, *numbers, size=SIZE, palette=False):
    """A label image whose first pixels are these numbers, the last of them everywhere else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    flat = np.full(size[0] * size[1], numbers[-1], np.uint8)
    flat[: len(numbers)] = numbers
    made = Image.fromarray(flat.reshape(size))
    if palette:
        made.putpalette(np.random.default_rng(0).integers(0, 256, 768).tolist())  # makes its mode P
    made.save(path)


def grey(path, *, bits):
    """A PNG of zeros with fewer bits than 8, which Pillow reads and does not write."""
    height, width = SIZE
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(height * (1 + width * bits // 8)))), (b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    with path.open("ab") as file:
        for kind, own in parts:
            file.write(struct.pack(">I", len(own)) + kind + own + struct.pack(">I", zlib.crc32(kind + own)))


def listed(path, *lines):
    (path / "train.txt").write_text("".join(f"{line}\n" for line in lines))


def read(layout, path, split="train", **data):
    config = tree.to_config(tree.defaults())
    with config.unlocked():
        config.data.update({"name": f"{layout}:{path}", "train_split": split, **data})
    return sources.load(config.data, "train", view="fit(6, 8)")


def mask(examples, i=0):
    return examples.original(i)["mask"].ravel()


class TestCamVid:
    """SegNet's layout."""

    @pytest.fixture
    def folder(self, tmp_path):
        names = {"train": ["0001TP_1", "0006R0_2", "0016E5_3"], "val": ["0016E5_4"], "test": ["0001TP_5", "Seq05VD_6"]}
        for split, stems in names.items():
            lines = []
            for number, stem in enumerate(stems):
                image(tmp_path / split / f"{stem}.{'jpg' if number else 'png'}")
                labels(tmp_path / f"{split}annot" / f"{stem}.png", *range(12))
                lines.append(f"/SegNet/CamVid/{split}/{stem}.png /SegNet/CamVid/{split}annot/{stem}.png\n")
            (tmp_path / f"{split}.txt").write_text("".join(lines))
        return tmp_path

    def test_void_is_no_class(self, folder):
        found = read("camvid", folder)
        assert found.features["mask"].classes == camvid.CLASSES.names
        assert mask(found)[:12].tolist() == [*range(11), VOID]

    @pytest.mark.parametrize(
        ("split", "names"),
        [
            ("train", ["0001TP_1.png", "0006R0_2.jpg", "0016E5_3.jpg"]),  # whichever suffix is there
            ("train_dusk", ["0001TP_1.png"]),
            ("train_day", ["0006R0_2.jpg", "0016E5_3.jpg"]),
            ("test_day+val", ["Seq05VD_6.jpg", "0016E5_4.png"]),
            ("train_day[:1]", ["0006R0_2.jpg"]),
        ],
    )
    def test_a_split_is_a_list_or_one_light_of_it(self, folder, split, names):
        found = read("camvid", folder, split)
        assert [epath.Path(found.index.path(i)).name for i in range(len(found))] == names

    @pytest.mark.parametrize(
        ("break_it", "told"),
        [
            (lambda path: (path / "train/0006R0_2.jpg").unlink(), ["train.txt, line 2", "train/0006R0_2.png"]),
            (lambda path: (path / "trainannot/0016E5_3.png").unlink(), ["trainannot/0016E5_3.png", "No such file"]),
            (lambda path: labels(path / "trainannot/0001TP_1.png", 12), ["0001TP_1.png", "label 12", "go to 11"]),
            (lambda path: (path / "train.txt").write_text("0001TP_1.png\n"), ["train.txt, line 1"]),
            (lambda path: listed(path, "tr\0ain/0001TP_1.png trainannot/0001TP_1.png"), ["train.txt, line 1"]),
            (lambda path: listed(path, "../0001TP_1.png trainannot/0001TP_1.png"), ["train.txt, line 1"]),
            (lambda path: listed(path, "train/0001TP_1.png trainannot/0006R0_2.png"), ["line 1", "of another image"]),
            (lambda path: listed(path, *["train/0001TP_1.png trainannot/0001TP_1.png"] * 2), ["0001TP_1.png twice"]),
            (lambda path: grey(path / "trainannot/0001TP_1.png", bits=4), ["0001TP_1.png is grey with 4 bits"]),
            (
                lambda path: Image.new("L", SIZE[::-1]).save(path / "trainannot/0001TP_1.png", "GIF"),
                ["0001TP_1.png is a GIF"],
            ),
            (
                lambda path: Image.new("L", SIZE[::-1]).save(
                    path / "trainannot/0001TP_1.png", save_all=True, append_images=[Image.new("L", SIZE[::-1], 1)]
                ),
                ["0001TP_1.png holds 2 images"],
            ),
            (
                lambda path: labels(path / "trainannot/0006R0_2.png", 3, size=(6, 7)),
                ["trainannot/0006R0_2.png has 6 x 7 pixels", "6 x 8"],
            ),
            (lambda path: (path / "trainannot/0006R0_2.png").write_bytes(b"PNG"), ["trainannot/0006R0_2.png"]),
        ],
    )
    def test_what_is_not_right_is_refused_by_name(self, folder, break_it, told):
        break_it(folder)
        with pytest.raises(ConfigError) as error:
            read("camvid", folder).load(np.arange(3))
        assert all(words in str(error.value) for words in told), error.value
        assert "\n" not in str(error.value)

    def test_another_split_gets_the_nearest_name(self, folder):
        with pytest.raises(ConfigError, match=r"did you mean 'train_dusk'"):
            read("camvid", folder, "train_dsk")

    def test_the_real_one_has_its_published_counts(self, tasks_dir):
        path = tasks_dir / "segmentation/CamVid"
        if not path.exists():
            pytest.skip(f"no CamVid in {path}")
        counts = {
            split: len(read("camvid", path, split)) for split in ("train", "val", "test", "train_dusk", "test_day")
        }
        assert counts == {"train": 367, "val": 101, "test": 233, "train_dusk": 62, "test_day": 171}
        val = read("camvid", path, "val")
        shares = []
        for i in range(0, len(val), 25):
            with Image.open(val.beside.masks["mask"].index.path(i)) as opened:
                raw = np.asarray(opened).ravel()
            np.testing.assert_array_equal(mask(val, i), np.where(raw == 11, VOID, raw))
            shares.append((raw == 11).mean())
        assert 0 < np.mean(shares) < 0.1


class TestCityscapes:
    """Its authors' folders."""

    @pytest.fixture
    def folder(self, tmp_path):
        for split, stems in {"train": ["aachen/aachen_0_0", "bonn/bonn_1_1"], "val": ["ulm/ulm_2_2"]}.items():
            for stem in stems:
                image(tmp_path / f"leftImg8bit/{split}/{stem}_leftImg8bit.png")
                labels(tmp_path / f"gtFine/{split}/{stem}_gtFine_labelIds.png", *range(34))
        return tmp_path

    def test_label_ids_become_the_nineteen_classes(self, folder):
        found = read("cityscapes", folder)
        by_id = {7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11, 25: 12, 26: 13}
        by_id |= {27: 14, 28: 15, 31: 16, 32: 17, 33: 18}
        assert mask(found, 1)[:34].tolist() == [by_id.get(number, VOID) for number in range(34)]
        assert len(found.features["mask"].classes) == 19
        assert found.features["mask"].classes[5] == "pole"
        assert (len(found), len(read("cityscapes", folder, "val"))) == (2, 1)

    def test_train_ids_are_classes(self, folder):
        for file in folder.glob("gtFine/*/*/*"):
            file.unlink()
            labels(file.parent / file.name.replace("labelIds", "labelTrainIds"), 18, 255, 0)
        assert mask(read("cityscapes", folder))[:3].tolist() == [18, VOID, 0]

    def test_what_is_not_right_is_refused_by_name(self, folder):
        (folder / "gtFine/train/bonn/bonn_1_1_gtFine_labelIds.png").unlink()
        with pytest.raises(ConfigError, match=r"bonn_1_1_gtFine_labelIds.png"):
            read("cityscapes", folder)
        with pytest.raises(ConfigError, match=r"there is no folder .*leftImg8bit"):
            read("cityscapes", folder / "leftImg8bit")
        with pytest.raises(ConfigError, match=r"unknown split .* 'vall'; did you mean 'val'"):
            read("cityscapes", folder, "vall")


class TestGta5:
    """Frames with palettes."""

    @pytest.fixture
    def folder(self, tmp_path):
        for number in range(1, 13):
            image(tmp_path / f"images/{number:05d}.png")
            labels(tmp_path / f"labels/{number:05d}.png", number % 3 + 6, 34, palette=True)
        ids = np.arange(1, 13, dtype=np.uint16)[:, None]
        scipy.io.savemat(str(tmp_path / "split.mat"), {"trainIds": ids[:8], "valIds": ids[8:10], "testIds": ids[10:]})
        return tmp_path

    def test_places_in_the_palette_are_label_ids(self, folder):
        found = read("gta5", folder, "all")
        assert found.features["mask"].classes == cityscapes.CLASSES.names
        for i in range(len(found)):
            number = int(epath.Path(found.index.path(i)).stem)
            assert mask(found, i)[:2].tolist() == [{0: VOID, 1: 0, 2: 1}[number % 3], VOID]

    def test_the_first_frames_of_a_split_are_not_neighbours(self, folder):
        whole, some = read("gta5", folder), read("gta5", folder, train_examples=4)
        names = [epath.Path(whole.index.path(i)).name for i in range(len(whole))]
        assert sorted(names) == [f"{number:05d}.png" for number in range(1, 9)] != names
        assert [epath.Path(some.index.path(i)).name for i in range(4)] == names[:4]
        assert len({*names} & {read("gta5", folder, "val").index.path(i) for i in range(2)}) == 0

    def test_what_is_not_right_is_refused_by_name(self, folder):
        labels(folder / "labels/00003.png", 7, size=(5, 8), palette=True)
        with pytest.raises(ConfigError, match=r"00003.png has 5 x 8 pixels, and its image"):
            read("gta5", folder)
        (folder / "labels/00003.png").unlink()
        with pytest.raises(ConfigError, match=r"00003.png has no label image in"):
            read("gta5", folder)
        (folder / "images/00003.png").unlink()
        with pytest.raises(ConfigError, match=r"split.mat names frame 00003"):
            read("gta5", folder)
        (folder / "split.mat").write_bytes(b"nothing")
        with pytest.raises(ConfigError, match=r"split.mat can't be read"):
            read("gta5", folder)

    def test_label_images_in_colours_are_refused(self, folder):
        image(folder / "labels/00001.png")
        with pytest.raises(ConfigError, match=r"00001.png has colours \(mode RGB\)"):
            read("gta5", folder, "all").load(np.arange(12))


class TestAnyFolder:
    """images, labels, classes.txt."""

    @pytest.fixture
    def folder(self, tmp_path):
        (tmp_path / "classes.txt").write_text("-\nroad\ntree trunk\n")
        for number in range(20):
            image(tmp_path / f"images/town/{number}.jpg")
            labels(tmp_path / f"labels/town/{number}.png", 0, 1, 2, VOID)
        return tmp_path

    def test_a_dash_is_no_class_and_others_are_numbered_without_it(self, folder):
        found = read("masks", folder)
        assert found.features["mask"].classes == ("road", "tree trunk")
        assert mask(found)[:4].tolist() == [VOID, 0, 1, VOID]

    def test_without_splits_a_share_chosen_by_names_is_for_testing(self, folder):
        parts = [read("masks", folder, split, test_share=0.4) for split in ("train", "test")]
        names = [{part.index.path(i) for i in range(len(part))} for part in parts]
        assert len(names[0] | names[1]) == 20
        assert not names[0] & names[1]
        assert all(names)

    def test_a_run_goes_on_with_the_same_names_and_numbers_alone(self, folder):
        prints = set()
        for text in ("-\nroad\ntree trunk\n", "-\ntree trunk\nroad\n", "road\n-\ntree trunk\n"):
            (folder / "classes.txt").write_text(text)
            prints.add(read("masks", folder).fingerprint())
        assert len(prints) == 3

    def test_the_mark_that_some_editors_begin_a_file_with_is_no_part_of_a_name(self, folder):
        names = read("masks", folder).features["mask"].classes
        (folder / "classes.txt").write_bytes(b"\xef\xbb\xbf" + (folder / "classes.txt").read_bytes())
        assert read("masks", folder).features["mask"].classes == names

    def test_folders_are_splits_where_there_is_one_called_train(self, tmp_path, folder):
        for kind in ("images", "labels"):
            (folder / kind / "town").rename(folder / kind / "train")
        image(folder / "images/val/x.png")
        labels(folder / "labels/val/x.png", 2)
        assert [len(read("masks", folder, split)) for split in ("train", "test", "val+train")] == [20, 1, 21]
        with pytest.raises(ConfigError, match=r"data\.test_share = 0\.5 has no effect with .*, which has a folder"):
            read("masks", folder, test_share=0.5)

    @pytest.mark.parametrize(
        ("break_it", "told"),
        [
            (lambda path: (path / "classes.txt").unlink(), "classes.txt, which names the classes"),
            (lambda path: (path / "classes.txt").write_text("road\nroad\n"), "names 'road' twice"),
            (lambda path: (path / "classes.txt").write_text("road\n\ntree\n"), "line 2 is empty"),
            (lambda path: (path / "classes.txt").write_text("\n"), "names 0 classes"),
            (lambda path: (path / "classes.txt").write_text("-\nroad\n"), "label 2: numbers go to 1"),
            (lambda path: (path / "labels/town/4.png").unlink(), "town/4.jpg has no label image in"),
            (lambda path: image(path / "images/town/4.png"), "two images called town/4"),
        ],
    )
    def test_what_is_not_right_is_refused_by_name(self, folder, break_it, told):
        break_it(folder)
        with pytest.raises(ConfigError) as error:
            read("masks", folder, "train+test")
        assert told in str(error.value)
