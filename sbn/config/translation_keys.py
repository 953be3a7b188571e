"""Config keys of translation: the Transformer, and batches limited by their number of tokens."""

import functools

from ml_collections import ConfigDict

from sbn.config.data_keys import STRINGS
from sbn.config.errors import ConfigError
from sbn.config.imported import is_import_path
from sbn.config.key import Key
from sbn.config.model_keys import TRANSFORMER

_Key = functools.partial(Key, tasks=("translation",))

TRANSLATION_KEYS = (
    _Key("translation.layers", "int", 6, "Number of encoder layers, and also of decoder layers.", low=1),
    _Key("translation.width", "int", 512, "Model dimension (base: 512, big: 1024).", low=2),
    _Key(
        "translation.heads",
        "int",
        8,
        "Number of attention heads; must divide translation.width (base: 8, big: 16).",
        low=1,
    ),
    _Key(
        "translation.hidden", "int", 2048, "Hidden dimension of the feed-forward layers (base: 2048, big: 4096).", low=1
    ),
    _Key(
        "translation.dropout",
        "float",
        0.1,
        "Dropout rate on embeddings and on the output of every attention and feed-forward layer.",
        low=0,
        high=0.99,
        per_stage=True,
    ),
    _Key(
        "translation.attention_dropout",
        "float",
        0.0,
        "Dropout rate on attention weights.",
        low=0,
        high=0.99,
        per_stage=True,
    ),
    _Key(
        "translation.activation_dropout",
        "float",
        0.0,
        "Dropout rate on activations inside the feed-forward layers.",
        low=0,
        high=0.99,
        per_stage=True,
    ),
    _Key(
        "translation.buckets",
        "ints",
        (),
        "Lengths to which batches are padded; each length compiles one program. (): from 8 tokens on, each about a quarter longer than the one before.",
        low=1,
    ),
    Key(
        "batch_tokens",
        "int",
        None,
        "Tokens per batch, padding included, instead of a fixed batch_size: each batch holds as many sentences of similar length as fit. None: use batch_size.",
        optional=True,
        low=1,
        tasks=("translation",),
    ),
)


def check_translation(config: ConfigDict) -> None:
    """Raises a `ConfigError` for keys that contradict each other, for the Transformer or for sentences."""
    translates = config.task == "translation"
    if translates != (config.model.name == TRANSFORMER):
        if translates:
            raise ConfigError(f"task = 'translation' needs model.name = {TRANSFORMER!r}, not {config.model.name!r}")
        raise ConfigError(f"model.name = {TRANSFORMER!r} is only for task = 'translation', not for {config.task!r}")
    if not translates:
        return
    if config.norm.layer != "layer" or config.norm.kind == "none":
        raise ConfigError(
            "task = 'translation' normalises every position by itself: norm.layer = 'layer', with norm.kind 'split' or "
            f"'shared', not {config.norm.layer!r} and {config.norm.kind!r}"
        )
    keys = config.translation
    if keys.width % keys.heads or keys.width % 2:
        raise ConfigError(
            f"translation.width = {keys.width} must be even, and a multiple of translation.heads = {keys.heads}"
        )
    if list(keys.buckets) != sorted(set(keys.buckets)):
        raise ConfigError(f"translation.buckets = {keys.buckets} must increase")


def check_sentences(config: ConfigDict) -> None:
    """Raises a `ConfigError` if a run that translates is to read its data from elsewhere than an archive."""
    name, archive = config.data.name, config.data.archive
    if config.task != "translation" or archive is not None or name in STRINGS:
        return
    if not (name.endswith(".npz") or is_import_path(name)):
        file = f"{name.partition('/')[0]}.npz"
        raise ConfigError(
            f"data.name = {name!r}: sentences are read from an archive; `python -m sbn.data.prepare {name} "
            f"--languages=en,de --out={file}` makes one, and data.archive={file} reads it (docs/translation.md)"
        )
