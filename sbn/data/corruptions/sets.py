"""A corrupted test set, released or made here, by one interface."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from sbn.config.environment import expanded
from sbn.config.errors import ConfigError, unknown
from sbn.data.corruptions import generated, released, textures
from sbn.data.corruptions.generated import Generated
from sbn.data.corruptions.images import Encoded, Images, Released
from sbn.data.corruptions.kinds import BENCHMARK, GROUPS, KINDS, SEVERITIES, parameters
from sbn.data.examples import LabelledImages

SOURCES = ("generated", "released")
_RELEASES = {"cifar": "CIFAR-10-C", "imagenet": "ImageNet-C"}  # whose parameters a table has


@dataclasses.dataclass(frozen=True)
class CorruptedSet:
    """A test set in several types and severities of corruption.

    Attributes:
        name: of the set.
        kinds: the types, in the benchmark's order, then the four extra ones.
        severities: of each type.
        generated: whether it was made here, so that its numbers are not those of the released set.
        labels: (M,) int32, the same for every type and severity.
        about: where it comes from, one line.
        read: returns the images of a type and severity.
    """

    name: str
    kinds: tuple[str, ...]
    generated: bool
    labels: np.ndarray
    about: str
    read: Callable[[str, int], Images]
    severities: tuple[int, ...] = SEVERITIES

    def images(self, kind: str, severity: int) -> Images:
        """Returns the images (M, H, W, 3) uint8 of one type and severity: an array, or what yields slices of one.

        Raises:
            ConfigError: no such type or severity in this set, or, in released ones, damaged files.
        """
        if kind not in self.kinds:
            raise unknown(f"type of corruption in {self.name}", kind, self.kinds)
        if severity not in self.severities:
            raise unknown("severity", severity, self.severities)
        return self.read(kind, severity)


def select(names: Sequence[str]) -> tuple[str, ...]:
    """Returns the types that are named, by themselves or by group, in the benchmark's order; its 15 if none is.

    Raises:
        ConfigError: if a name is unknown.
    """
    groups = {"benchmark": BENCHMARK, **GROUPS}
    for name in names:
        if name not in KINDS and name not in groups:
            raise unknown("type of corruption", name, [*KINDS, *groups])
    wanted = {kind for name in names or ("benchmark",) for kind in groups.get(name, (name,))}
    return tuple(kind for kind in KINDS if kind in wanted)


def load(
    clean: LabelledImages,
    *,
    data: str,
    source: str = "generated",
    dir: str | None = None,
    kinds: Sequence[str] = (),
    frost: str | None = None,
    seed: int = 0,
    examples: int | None = None,
) -> CorruptedSet:
    """Returns a corrupted test set. No image is made or read yet.

    Args:
        clean: the test split as it is.
        data: name of the data set; of some there is a released version.
        source: 'generated', made here out of `clean`, or 'released', the benchmark's own files.
        dir: of a generated set where images are kept once they are made (None: nowhere, they are made when they are
            read); of a released one where it lies (None: where TFDS keeps its data sets).
        kinds: names of types or of groups (noise, blur, weather, digital, extra, benchmark); () for the benchmark's 15.
        frost: what 'frost' is generated with: a folder of the release's photographs, or 'procedural'.
        seed: of generated images, in 0..2**32-1.
        examples: how many images of each type and severity, from the first on; None: all.

    Raises:
        ConfigError: if types are unknown or something is missing: which files, where they should be, how to get them.
    """
    wanted = select(kinds)
    if source == "released":
        return _released(released.find(data, dir, wanted, classes=clean.classes), clean, data, wanted, examples)
    if source != "generated":
        raise unknown("source of corrupted images", source, SOURCES)
    count = _count(examples, len(clean))
    side = clean.images.shape[1]
    table, _ = parameters(side)
    pictures = textures.pictures(frost, side=side, reduced=table == "cifar") if "frost" in wanted else ()
    # with an image as evaluation sees it, since of images that stay encoded the fingerprint is that of their files
    fingerprint = clean.fingerprint() + np.asarray(clean.images[:1]).tobytes().hex() if dir else ""

    def read(kind: str, severity: int) -> Images:
        images = Generated(clean.images, kind, severity, seed, count, pictures if kind == "frost" else ())
        return generated.kept(images, expanded(dir), fingerprint=fingerprint) if dir else images

    about = f"{data} corrupted here (parameters of {_RELEASES[table]}, seed {seed}), not the released images"
    if frost == textures.PROCEDURAL and pictures:
        about += "; frost is a made-up texture, its numbers are no one else's"
    return CorruptedSet(f"{data}-c-generated", wanted, True, clean.labels[:count], about, read)


def _released(
    found: Released, clean: LabelledImages, data: str, wanted: tuple[str, ...], examples: int | None
) -> CorruptedSet:
    count = _count(examples, len(found.labels))
    labels = found.labels[:count]
    if labels.max() >= clean.classes:
        raise ConfigError(f"{found.about}: it has a label {labels.max()}, and {data!r} {clean.classes} classes")

    def read(kind: str, severity: int) -> Images:
        images = found.read(kind, severity)
        return images.first(count) if isinstance(images, Encoded) else images[:count]

    return CorruptedSet(f"{data}-c", wanted, False, labels, found.about, read)


def _count(examples: int | None, there: int) -> int:
    if examples is not None and not 1 <= examples <= there:
        raise ConfigError(f"examples = {examples} of each type and severity, but there are only {there}")
    return there if examples is None else examples
