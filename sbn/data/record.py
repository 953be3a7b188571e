"""What a run records of its data, in data.json: it resumes with the same data, and is evaluated on the same input."""

from collections.abc import Mapping
from typing import Any

from sbn.config.errors import ConfigError
from sbn.data.batching import Batching, Even
from sbn.data.encoded import Encoded
from sbn.data.examples import Examples, InMemory
from sbn.data.sentences import Sentences
from sbn.data.statistics import Channels, checked

TEXTS = "_texts"  # what a split's fingerprint ends with that is of its texts, not of its tokens


def describe(
    name: str,
    train: Examples,
    test: Examples,
    channels: Channels | None,
    others: Mapping[str, tuple[Examples, Examples]] = {},
) -> dict[str, Any]:
    """Returns what data.json holds: of images also what they are normalised with, and of what size they are.

    Args:
        name: `data.name`.
        train: the training split.
        test: the test split.
        channels: what the input is normalised with.
        others: (training split, test split) of data sets that views have of their own, by the view's name.
    """
    splits = {"train": train, "test": test}
    for view, (own, tested) in others.items():
        splits |= {f"train_{view}": own, f"test_{view}": tested}
    images: dict[str, Any] = {}
    if channels is not None and isinstance(test, InMemory | Encoded):
        size = list(test.images.shape[1:3])
        images = {"image_size": size, "mean": list(channels.mean), "std": list(channels.std)}
    label = train.features.get("label") or train.features.get("box_label")
    mask = next((feature for feature in train.features.values() if feature.kind == "mask"), None)
    return {
        "name": name,
        "examples": {split: len(examples) for split, examples in splits.items()},
        "fingerprints": {
            **{split: examples.fingerprint() for split, examples in splits.items()},
            **{split + TEXTS: own.texts_fingerprint() for split, own in splits.items() if isinstance(own, Sentences)},
        },
        **({} if label is None else {"classes": list(label.classes)}),
        **({} if mask is None else {"mask_classes": list(mask.classes)}),
        **({"pieces": train.vocabulary.fingerprint()} if isinstance(train, Sentences) else {}),
        **images,
    }


def channels(recorded: Mapping[str, Any] | None) -> Channels | None:
    """Returns the mean and the deviation that a run recorded; None where it recorded none.

    Raises:
        ConfigError: if they are not three numbers each.
    """
    if not recorded or not recorded.get("mean") or not recorded.get("std"):
        return None
    mean, std = recorded["mean"], recorded["std"]
    if len(mean) != 3 or len(std) != 3:
        raise ConfigError(f"data.json is damaged: mean {mean} and deviation {std} are not of three channels")
    return checked(mean, std)


def check_same(recorded: Mapping[str, Any] | None, now: Mapping[str, Any], *, where: object) -> None:
    """Refuses data other than those that a run started with.

    Args:
        recorded: what its data.json holds; None where it has none.
        now: what `describe` returns of the data that are there.
        where: its work directory, for the message.

    Raises:
        ConfigError: naming the split that differs.
    """
    before = (recorded or {}).get("fingerprints")
    if not isinstance(before, Mapping):
        return
    for split, print_now in now["fingerprints"].items():
        if split in before and before[split] != print_now:
            whose = split.removesuffix(TEXTS)
            what = f"the {whose} split" if whose == split else f"what the {whose} split has as text"
            raise ConfigError(
                f"{what} of {now['name']!r} has changed since {where} was started (fingerprint {before[split]} then, "
                f"{print_now} now): restore the old data, or choose another --workdir"
            )


def check_same_pieces(there: Mapping[str, Any] | None, now: Mapping[str, Any], *, where: str) -> None:
    """Refuses to begin with embeddings of other pieces: as many of them fit, and stand for other text.

    Args:
        there: what the other run's data.json holds.
        now: what `describe` returns of this run's data.
        where: the key that names the other run, for the message.

    Raises:
        ConfigError: if both know their pieces, and these differ.
    """
    before, own = (there or {}).get("pieces"), now.get("pieces")
    if before and own and before != own:
        raise ConfigError(
            f"{where} was trained on the pieces {before}, and these data are cut into others, {own}: its embeddings "
            "would stand for other text; take over parts without them (init.only), or train on its archive"
        )


def describe_batches(batching: Batching) -> dict[str, Any]:
    """Returns what data.json holds of batches that differ in size, which the number of devices has a say in."""
    if isinstance(batching, Even):
        return {}
    sizes = {len(planned.ids) for planned in batching.epoch(0, stage=0, epoch=0)}
    return {"batches": {"steps_per_epoch": batching.steps_per_epoch, "sizes": sorted(sizes)}}


def check_same_batches(
    recorded: Mapping[str, Any] | None, now: Mapping[str, Any], *, where: object, devices: int
) -> None:
    """Refuses to go on with other batches than those that a run was started with.

    Args:
        recorded: what its data.json holds; None where it has none.
        now: what `describe_batches` returns of them.
        where: its work directory, for the message.
        devices: how many there are.

    Raises:
        ConfigError: saying how they differ.
    """
    before = (recorded or {}).get("batches")
    if isinstance(before, Mapping) and now and before != now["batches"]:
        old, new = (
            f"{own.get('steps_per_epoch')} batches per epoch, of {own.get('sizes')} examples"
            for own in (before, now["batches"])
        )
        raise ConfigError(
            f"{where} was started with {old}; with {devices} device{'s' * (devices > 1)} there would be {new}: resume "
            "it with as many devices as it was started with, or choose another --workdir"
        )
