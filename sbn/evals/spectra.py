"""Spectra of the features' covariance, within classes and over all of them (He et al. 2019, section 3 and Figure 3).

Σ_W = 1/N Σ_c Σ_{i in c} (h_i - μ_c)(h_i - μ_c)ᵀ and Σ_T = 1/N Σ_i (h_i - μ)(h_i - μ)ᵀ of what the last layer is given.
They differ by the covariance of the class means, whose rank is below the number of classes: there Σ_T's spectrum drops.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from sbn.data.examples import LabelledImages
from sbn.evals.predictions import Chosen, Predict
from sbn.runs.progress import shown
from sbn.tasks.base import Variables


class Scatter:
    """Count, mean and sum of squares around it, of K streams of vectors, in float64; images come in any parts.

    Parts are joined around their own means (Chan, Golub and LeVeque 1979), so that nothing cancels.

    Attributes:
        count: how many vectors.
        mean: (K, C).
        squares: (K, C, C).
    """

    def __init__(self, count: int, mean: np.ndarray, squares: np.ndarray) -> None:
        self.count, self.mean, self.squares = count, mean, squares

    @staticmethod
    def of(vectors: np.ndarray) -> "Scatter":
        """Returns that of vectors (n, K, C)."""
        streams = np.moveaxis(vectors.astype(np.float64), 1, 0)
        mean = streams.mean(axis=1)
        centred = streams - mean[:, None]
        return Scatter(len(vectors), mean, centred.transpose(0, 2, 1) @ centred)

    def __add__(self, other: "Scatter") -> "Scatter":
        """Returns that of both."""
        count, apart = self.count + other.count, other.mean - self.mean
        between = apart[:, :, None] * apart[:, None, :] * (self.count * other.count / count)
        mean = self.mean + apart * (other.count / count)
        return Scatter(count, mean, self.squares + other.squares + between)


class Spectra:
    """Yields the spectra of every branch as arrays (C,), descending, and what they amount to as scalars.

    `SPLIT/BRANCH/intra_class` is Σ_W's and `SPLIT/BRANCH/all_classes` is Σ_T's; `SPLIT/BRANCH/per_class`, if asked for,
    is the mean over the classes of the spectrum of each, of rank below its number of images. Scalars: the traces of
    Σ_W and Σ_T, `intra_class_trace` and `all_classes_trace`, and `gap`, s_{c-1} / s_{c+1} of Σ_T for c classes, where
    there are more features than classes.

    Args:
        predict: gives the features (N, K, C).
        source: the split.
        split: its name.
        branches: their names.
        per_class_mean: whether the spectrum of every class is wanted too.
    """

    def __init__(
        self, predict: Predict, source: LabelledImages, *, split: str, branches: Sequence[str], per_class_mean: bool
    ) -> None:
        self._predict, self._source, self._split = predict, source, split
        self._branches, self._per_class_mean = tuple(branches), per_class_mean

    def __call__(self, variables: Variables) -> Iterator[tuple[str, float | np.ndarray]]:
        """Yields (name, value) pairs."""
        total: Scatter | None = None
        within = np.zeros(())
        by_class: list[np.ndarray] = []
        for scatter in self._classes(variables):
            within = within + scatter.squares
            total = scatter if total is None else total + scatter
            if self._per_class_mean:
                by_class.append(singular_values(scatter.squares / scatter.count))
        assert total is not None  # a source is never empty
        found = {
            "intra_class": singular_values(within / total.count),
            "all_classes": singular_values(total.squares / total.count),
        }
        if by_class:
            found["per_class"] = np.mean(by_class, axis=0)
        classes = self._source.classes
        for index, branch in enumerate(self._branches):
            title = f"{self._split}/{branch}"
            for name, spectra in found.items():
                yield f"{title}/{name}", spectra[index]
            for name in ("intra_class", "all_classes"):
                yield f"{title}/{name}_trace", float(found[name][index].sum())
            spectrum = found["all_classes"][index]
            if 1 < classes < len(spectrum):
                yield f"{title}/gap", float(spectrum[classes - 2] / spectrum[classes])
        yield f"{self._split}/classes", np.asarray(classes)

    def _classes(self, variables: Variables) -> Iterator[Scatter]:
        """The features of one class after the other: the images are looked at in the order of their labels."""
        order = np.argsort(self._source.labels, kind="stable")
        labels, images = self._source.labels[order], Chosen(self._source.images, order)
        batches = self._predict.stream(variables, [(None, lambda: images)])
        current: Scatter | None = None
        label = -1
        for _, where, features in shown(batches, "spectra: batches", total=self._predict.count(len(images))):
            starts = np.flatnonzero(np.diff(labels[where], prepend=-1))
            for start, part in zip(starts, np.split(features, starts[1:]), strict=True):
                scatter, own = Scatter.of(part), labels[where][start]
                if current is not None and own != label:
                    yield current
                    current = None
                current, label = scatter if current is None else current + scatter, own
        if current is not None:
            yield current


def singular_values(matrices: np.ndarray) -> np.ndarray:
    """Returns the singular values of symmetric matrices (K, C, C), descending: (K, C) float64."""
    return -np.sort(-np.abs(np.linalg.eigvalsh(matrices)), axis=-1)
