"""A branch of a translation run on its own: texts in, texts out. What an export of one holds beside the network."""

import dataclasses
import functools
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from etils import epath
from ml_collections import ConfigDict

from sbn.config.errors import ConfigError
from sbn.data import record, sources
from sbn.data.examples import Feature
from sbn.data.sentences import Sentences
from sbn.data.text import normalised
from sbn.data.tokens import Ragged, ragged
from sbn.data.vocabulary import END, SPACE, Vocabulary
from sbn.models.decoding import beam_search, greedy
from sbn.models.transformer import Transformer
from sbn.nn.branches import plain_branch
from sbn.runs.arrays import pack, read_arrays
from sbn.runs.content import Damaged, read_bytes
from sbn.tasks.base import TaskData, Variables
from sbn.tasks.translation import SOURCE, TARGET, Translation, make_translation

VOCABULARY = "vocabulary.npz"

_SHORTEST = 16  # tokens that sources are filled up to, as where a run is scored; a program for this and each doubling
_AT_ONCE = 64  # sentences


@dataclasses.dataclass(frozen=True)
class Translator:
    """A Transformer with its vocabulary.

    Attributes:
        network: without branches.
        variables: {'params'} of it.
        vocabulary: of both languages.
        about: what the export says of itself; `search` holds how the run was scored: beam, length_penalty, longer.
    """

    network: Transformer
    variables: Variables
    vocabulary: Vocabulary
    about: Mapping[str, Any]

    def translate(
        self,
        texts: Iterable[str],
        *,
        beam: int | None = None,
        length_penalty: float | None = None,
        longer: int | None = None,
    ) -> list[str]:
        """Returns the translations of sentences, which do not depend on one another.

        Args:
            texts: one sentence each, brought to the form that the data have: a line break in it is a space.
            beam: hypotheses that the search keeps; 1: the most probable token at every place. None: as the run was
                scored, and so for the other two.
            length_penalty: power of its length that a hypothesis's score is divided by.
            longer: tokens that a translation may have more than the source, filled up to a power of 2.

        Raises:
            ConfigError: if there are no texts but one string, an empty one or none that can be encoded, a search that
                is none, or if SentencePiece is missing.
        """
        texts = list(texts) if isinstance(texts, Iterable) and not isinstance(texts, str | Mapping) else texts
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise ConfigError("translate takes a list of sentences, as in translate(['A dog runs.'])")
        own = self.about["search"]
        beam, longer = own["beam"] if beam is None else beam, own["longer"] if longer is None else longer
        penalty = own["length_penalty"] if length_penalty is None else length_penalty
        for name, value in (("beam", beam), ("longer", longer)):
            if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
                raise ConfigError(f"{name} = {value!r} must be a whole number of at least 1")
        if not isinstance(penalty, int | float | np.number) or not 0 <= penalty <= 10:
            raise ConfigError(f"length_penalty = {penalty!r} must be a number from 0 to 10")
        beam, longer, penalty = int(beam), int(longer), float(penalty)
        sources = self.pieces([normalised(text.replace("\n", " ")) for text in texts])
        widths = np.array([_filled(length) for length in sources.lengths], int)
        found = [""] * len(texts)
        for width in np.unique(widths):
            numbers = np.flatnonzero(widths == width)
            for start in range(0, len(numbers), _AT_ONCE):
                some = numbers[start : start + _AT_ONCE]
                rows = sources[some]
                size = min(_power(len(some)), _AT_ONCE)
                rows = np.pad(rows, ((0, size - len(rows)), (0, width - rows.shape[1]))).astype(np.int32)
                tokens = self._search(rows, beam=beam, penalty=penalty, longest=int(width) + longer)
                for number, row in zip(some, np.asarray(tokens)[: len(some)], strict=True):
                    found[number] = self.vocabulary.text(row.tolist())
        return found

    def pieces(self, texts: Sequence[str]) -> Ragged:
        """Returns the numbers of the pieces of sentences, each with its end.

        Raises:
            ConfigError: naming a sentence that is empty, or of a vocabulary without a SentencePiece model a word that
                is none of its pieces.
        """
        for number, text in enumerate(texts):
            if not text:
                raise ConfigError(f"sentence {number} is empty")
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise ConfigError(f"sentence {number} is not text: {error.reason}") from None
        if self.vocabulary.model:
            return self.vocabulary.encode(texts)
        numbers = {piece: number for number, piece in enumerate(self.vocabulary.pieces)}
        rows = []
        for text in texts:
            words = [SPACE + word for word in text.split()]
            if unknown := [word for word in words if word not in numbers]:
                raise ConfigError(f"{unknown[0].removeprefix(SPACE)!r} is not in this network's vocabulary")
            rows.append([*(numbers[word] for word in words), END])
        return ragged(rows)

    def _search(self, source: np.ndarray, *, beam: int, penalty: float, longest: int) -> jax.Array:
        if beam == 1:
            return self._greedy(self.variables, source, longest)
        return self._beams(self.variables, source, beam, penalty, longest)[0]

    @functools.cached_property
    def _greedy(self) -> Callable[..., jax.Array]:
        return jax.jit(functools.partial(greedy, self.network), static_argnums=2)

    @functools.cached_property
    def _beams(self) -> Callable[..., tuple[jax.Array, jax.Array]]:
        return jax.jit(functools.partial(beam_search, self.network), static_argnums=(2, 4))


def _power(count: int) -> int:
    """The least power of 2 that is at least `count`."""
    return 1 << (max(count, 1) - 1).bit_length()


def _filled(length: int) -> int:
    return max(_power(int(length)), _SHORTEST)


def vocabulary_of(config: ConfigDict, recorded: Mapping[str, Any] | None, *, where: epath.Path) -> Vocabulary:
    """Returns the vocabulary of a run's data.

    Args:
        config: of the run.
        recorded: what its data.json holds; None where it has none.
        where: its work directory, for messages.

    Raises:
        ConfigError: if the data can't be read, have no vocabulary, or are not those that the run was trained on.
    """
    found = sources.load(config.data, "test")
    if not isinstance(found, Sentences):
        raise ConfigError(f"data.name = {config.data.name!r} has no vocabulary that would make tokens of texts")
    prints = {"test": found.fingerprint(), f"test{record.TEXTS}": found.texts_fingerprint()}
    record.check_same(recorded, {"name": config.data.name, "fingerprints": prints}, where=where)
    return found.vocabulary


def described(config: ConfigDict) -> dict[str, Any]:
    """Returns what an export of a translation run says beside what all say."""
    own = config.eval.bleu
    return {
        "task": "translation",
        "search": {"beam": own.beam, "length_penalty": own.length_penalty, "longer": own.longer},
    }


def task_of(config: ConfigDict, vocabulary: Vocabulary) -> Translation:
    """Returns the task of a config on the pieces of a vocabulary."""
    feature = Feature("tokens", (None,), vocabulary.pieces)
    return make_translation(config, TaskData({SOURCE: feature, TARGET: feature}))


def packed_vocabulary(vocabulary: Vocabulary) -> bytes:
    """Returns the content of `vocabulary.npz`: 'pieces', and 'model', SentencePiece's, as bytes."""
    model = np.frombuffer(vocabulary.model, np.uint8)
    return pack({"pieces": np.array(vocabulary.pieces), "model": model})


def read_translator(
    folder: epath.Path, config: ConfigDict, variables: Variables, about: Mapping[str, Any]
) -> Translator:
    """Returns the translator of an export.

    Args:
        folder: of the export.
        config: what it says of the model.
        variables: of one branch, every K axis of length 1.
        about: what it says of itself.

    Raises:
        ConfigError: if its vocabulary is missing or damaged.
    """
    path = folder / VOCABULARY
    arrays = read_arrays(path)
    if arrays is None:
        raise ConfigError(f"{folder} holds no translator: it has no {VOCABULARY}")
    if about["vocabulary_crc32"] not in (None, zlib.crc32(read_bytes(path) or b"")):
        raise Damaged(path, "it is not the one that the network was exported with")
    if not {"pieces", "model"} <= arrays.keys() or len(arrays["pieces"]) != about["classes"]:
        raise Damaged(path, f"it does not hold the {about['classes']} pieces that the network was trained with")
    vocabulary = Vocabulary(tuple(map(str, arrays["pieces"])), arrays["model"].astype(np.uint8).tobytes())
    task = task_of(config, vocabulary)
    own = plain_branch({"params": variables["params"]}, 0, layout=task.layout)
    return Translator(task.model.network, own, vocabulary, about)
