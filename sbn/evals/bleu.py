"""Translations of the test split by every branch, decoded on the devices, and their scores, on the host."""

import logging
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from sbn.config.errors import ConfigError
from sbn.data.sentences import Sentences
from sbn.evals.base import Materials, Value
from sbn.evals.predictions import Stream
from sbn.metrics import bleu
from sbn.models.decoding import beam_search, check_fits, greedy
from sbn.nn.branches import plain_branch
from sbn.runs.progress import shown
from sbn.tasks.base import Variables
from sbn.tasks.translation import SOURCE, TARGET, Translation

log = logging.getLogger(__name__)

_SHORTEST = 16  # tokens that sources are filled up to; longer ones to twice that, and so on: a program for each


class Bleu:
    """Yields 'test/BRANCH/SCORE' of every score in `eval.bleu.scores`, and some sentences to be read.

    Every sentence is translated once. Batches are of about one length, and what a sentence becomes depends neither on
    them nor on what else is in them. The arrays are 'source', 'reference', and 'BRANCH/translation' of the first
    `eval.bleu.shown` sentences, texts, and 'BRANCH/signature'.

    Args:
        materials: the parts of the run.

    Raises:
        ConfigError: if the run does not translate, sacreBLEU is not installed, or the search needs too much memory.
    """

    def __init__(self, materials: Materials) -> None:
        task, test, config = materials.task, materials.test, materials.config
        if not isinstance(task, Translation) or not isinstance(test, Sentences):
            raise ConfigError("eval.evals: 'bleu' scores task = 'translation' on sentences with a vocabulary")
        if any(name != "exact_match" for name in config.eval.bleu.scores):
            bleu.sacrebleu()
        if test.vocabulary.model and not test.texts:
            log.warning("bleu: of so large a test split texts are not kept: references are what its pieces write")
        self._task, self._test, self._config = task, test, config
        self._sources, own = _Sources(test, materials), config.eval.bleu
        for rows, width in self._sources.shapes:
            check_fits(task.model.network, rows, beams=own.beam, max_length=width + own.longer)
        self._stream = Stream(self._translated, materials.mesh, batch_size=1)

    def _translated(self, variables: Variables, source: jax.Array) -> jax.Array:
        """The translations (N, K, T) of sources (N, S) by every branch."""
        config, network = self._config, self._task.model.network
        longest = source.shape[1] + config.eval.bleu.longer
        found = []
        for branch in range(self._task.model.branches):
            own = plain_branch({"params": variables["params"]}, branch, layout=self._task.layout)
            if config.eval.bleu.beam == 1:
                found.append(greedy(network, own, source, longest))
            else:
                penalty = config.eval.bleu.length_penalty
                found.append(beam_search(network, own, source, config.eval.bleu.beam, penalty, longest)[0])
        return jnp.stack(found, axis=1)

    def __call__(self, variables: Variables) -> Iterator[tuple[str, Value]]:
        """Yields (name, value) pairs."""
        test, config, branches = self._test, self._config, self._task.branches
        texts: dict[int, list[str]] = {}
        batches = self._stream.stream(variables, [(None, lambda: self._sources)])
        for _, where, tokens in shown(batches, "bleu: batches", total=self._stream.count(self._sources)):
            for number, own in zip(self._sources.order[where], tokens, strict=True):
                texts[int(number)] = [test.vocabulary.text(row.tolist()) for row in own]
        references = [test.text(TARGET, number) for number in range(len(test))]
        some = range(min(config.eval.bleu.shown, len(test)))
        if some:
            yield "source", np.array([test.text(SOURCE, number) for number in some])
            yield "reference", np.array([references[number] for number in some])
        for k, branch in enumerate(branches):
            own = [texts[number][k] for number in range(len(test))]
            if some:
                yield f"{branch}/translation", np.array([own[number] for number in some])
            for name in config.eval.bleu.scores:
                found = bleu.score(name, own, references)
                yield f"test/{branch}/{name}", found.value
                if found.signature:
                    yield f"{branch}/signature/{name}", np.array(found.signature)
                    log.info("%s: %s|%s", branch, found.signature, found.details)


class _Sources:
    """The sources of a split, in batches of about one length (`sbn.evals.predictions.Examples`).

    Lengths that batches are filled up to, and so how long a translation may become, do not depend on the batch size.

    Attributes:
        order: (M,) number of the sentence at every place.
    """

    def __init__(self, test: Sentences, materials: Materials) -> None:
        self._tokens = test.arrays[SOURCE]
        devices = materials.mesh.devices.size
        widths = [_SHORTEST]
        while widths[-1] < self._tokens.lengths.max(initial=1):
            widths.append(2 * widths[-1])
        bucket = np.searchsorted(widths, self._tokens.lengths)
        self.order = np.lexsort((np.arange(len(test)), bucket))
        self._cuts: list[tuple[slice, int]] = []
        self._widths: dict[int, int] = {}
        start = 0
        for number, width in enumerate(widths):
            stop = start + int((bucket == number).sum())
            size = -(-min(materials.config.eval.batch_size, stop - start) // devices) * devices
            while start < stop:
                self._cuts.append((slice(start, min(start + size, stop)), size))
                self._widths[start] = width
                start = min(start + size, stop)

    def __len__(self) -> int:
        return len(self.order)

    @property
    def cuts(self) -> Iterator[tuple[slice, int]]:
        """The slices that batches are, and what each is filled up to."""
        return iter(self._cuts)

    @property
    def shapes(self) -> set[tuple[int, int]]:
        """Rows and columns of the batches."""
        return {(size, self._widths[where.start]) for where, size in self._cuts}

    def __getitem__(self, where: slice) -> np.ndarray:
        rows = self._tokens[self.order[where]]
        return np.pad(rows, ((0, 0), (0, self._widths[where.start] - rows.shape[1])))
