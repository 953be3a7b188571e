"""BLEU of translations by sacreBLEU (extra 'translation'), imported where a score is asked for."""

import importlib.util
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from sbn.config.errors import ConfigError

SCORES = ("bleu", "bleu_tokenised", "bleu_compound", "exact_match")
_COMPOUND = re.compile(r"(?<=\S)-(?=\S)")
_SPLIT = " ##AT##-##AT## "


class Score(NamedTuple):
    """A score of a set of translations.

    Attributes:
        value: BLEU from 0 to 100; of `exact_match` a share from 0 to 1.
        signature: how it was computed, as sacreBLEU writes it; '' of `exact_match`.
        details: sacreBLEU's own line: precisions, brevity penalty, lengths.
    """

    value: float
    signature: str = ""
    details: str = ""


def score(name: str, hypotheses: Sequence[str], references: Sequence[str]) -> Score:
    """Returns a score, cased, of all sentences as one corpus.

    Args:
        name: `bleu` of whole sentences, which sacreBLEU tokenises as WMT does (13a; Post 2018). Of text that is words
            with spaces between them `bleu_tokenised`, and `bleu_compound`, which splits words at hyphens first, as the
            scripts behind Ott et al. 2018 do for German. `exact_match`: the share of sentences equal to the reference.
        hypotheses: (M,) the translations.
        references: (M,) the truth.

    Raises:
        ConfigError: if sacreBLEU is not installed.
    """
    if name == "exact_match":
        equal = [one == other for one, other in zip(hypotheses, references, strict=True)]
        return Score(sum(equal) / max(len(equal), 1))
    if name == "bleu_compound":
        hypotheses, references = (list(map(split_compounds, texts)) for texts in (hypotheses, references))
    metric = sacrebleu().BLEU(tokenize="13a" if name == "bleu" else "none", force=True)
    found = metric.corpus_score(list(hypotheses), [list(references)])
    return Score(float(found.score), str(metric.get_signature()), str(found))


def split_compounds(text: str) -> str:
    """Returns a sentence whose words are split at the hyphens within them, as fairseq's script writes it."""
    return _COMPOUND.sub(_SPLIT, text)


def sacrebleu() -> Any:
    """Returns the module.

    Raises:
        ConfigError: if it is not installed.
    """
    if importlib.util.find_spec("sacrebleu") is None:
        raise ConfigError("BLEU needs sacreBLEU: pip install 'sbn[translation]'")
    import sacrebleu

    return sacrebleu
