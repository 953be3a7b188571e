"""BLEU is that of published hypotheses, and splits compounds as the script that made the papers' numbers."""

import pytest

from sbn.config.errors import ConfigError
from sbn.metrics import bleu


def test_it_is_that_of_3000_published_hypotheses(tasks_dir):
    """TensorFlow NMT's own test has 22.5855 of the tokenised text."""
    folder = tasks_dir / "translation/tensorflow_nmt/nmt/testdata"
    hypotheses, references = (
        (folder / name).read_text().replace("@@ ", "").removesuffix("\n").split("\n")
        for name in ("deen_output", "deen_ref_bpe")
    )
    assert len(hypotheses) == len(references) == 3_000
    tokenised = bleu.score("bleu_tokenised", hypotheses, references)
    assert tokenised.value == pytest.approx(22.5855, abs=0.005)
    assert "BP = 0.975" in tokenised.details
    assert "hyp_len = 63211 ref_len = 64807" in tokenised.details
    found = bleu.score("bleu", hypotheses, references)
    assert found.value == pytest.approx(22.43, abs=0.005)
    assert found.signature.startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp")


def test_compounds_are_split_at_hyphens_between_letters_alone():
    assert bleu.split_compounds("a well-known Baden-Württemberg - x - y -z") == (
        "a well ##AT##-##AT## known Baden ##AT##-##AT## Württemberg - x - y -z"
    )
    found = bleu.score("bleu_compound", ["ein EU-Land im Süden"], ["ein EU-Staat im Süden"])
    assert found.details.startswith("BLEU = ")
    assert "hyp_len = 6 ref_len = 6" in found.details  # the marks of a split are one word


def test_the_share_of_sentences_that_are_the_reference():
    assert bleu.score("exact_match", ["a b", "c"], ["a b", "d"]) == bleu.Score(0.5)


def test_a_missing_library_names_its_extra(monkeypatch):
    monkeypatch.setattr(bleu.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'sbn\[translation\]'"):
        bleu.score("bleu", ["a"], ["a"])
