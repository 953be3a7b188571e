"""Stored texts move no cursor when they are printed, and secrets are not stored."""

import pytest

from sbn.runs.text import masked_text, masked_words, plain


def test_control_characters_are_spelt_out_and_text_stays():
    assert plain("\x1b[31mred\x07\r") == r"\x1b[31mred\x07\x0d".replace(r"\x0d", r"\r")
    assert plain("\x9b2J \u202egnp\u2066 \ud800") == r"\x9b2J \u202egnp\u2066 \ud800"
    assert plain("a\u200bb \u061c\ufeff \U000e0041") == r"a\u200bb \u061c\ufeff \U000e0041"
    assert plain("ä ± λ\n\tzwei \u0939\u200d") == "ä ± λ\n\tzwei \u0939\u200d"


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (["--api_token=abc123"], ["--api_token=***"]),
        (["--config.data.password", "abc"], ["--config.data.password", "***"]),
        (["--AWS_SECRET_ACCESS_KEY=xyz", "--x=1"], ["--AWS_SECRET_ACCESS_KEY=***", "--x=1"]),
        (["--url=https://me:pw@host/a"], ["--url=https://***@host/a"]),
        (["hf_" + "a" * 30], ["***"]),
        (["glpat-" + "a" * 20, "--pwd=12x", "--cookie=a1"], ["***", "--pwd=***", "--cookie=***"]),
        (["--header=Authorization: Bearer abcdef1234"], ["--header=Authorization: Bearer ***"]),
        (["--url=https://host/x?token=abc&sig=d%3D&size=3"], ["--url=https://host/x?token=***&sig=***&size=3"]),
        (
            ["--config.data.max_tokens=100", "--config.task.token=7"],
            ["--config.data.max_tokens=100", "--config.task.token=7"],
        ),
        (["--config.data.args.pw=hunter2", "--password=1234"], ["--config.data.args.pw=***", "--password=***"]),
        (["--db_pwd=-12.5", "--secret=None", "--api_key="], ["--db_pwd=***", "--secret=None", "--api_key="]),
        (["--config.author=me", "--config.optim.lr=0.1"], ["--config.author=me", "--config.optim.lr=0.1"]),
        (["--config.data.token", "--workdir=a"], ["--config.data.token", "--workdir=a"]),
    ],
)
def test_values_of_arguments_that_look_like_secrets_are_masked_and_others_stay(words, kept):
    assert masked_words(words) == kept


def test_sources_keep_their_code_and_lose_their_secrets():
    key = "-----BEGIN RSA PRIVATE KEY-----\n+MIIEvQ\n+-----END RSA PRIVATE KEY-----"
    assert masked_text(f"+{key}\n+x = 1\n") == "+***\n+x = 1\n"
    assert masked_text("+stepwise = 'cosine'\n") == "+stepwise = 'cosine'\n"
    diff = "+API_TOKEN = \"abcdef\"\n+password: 'x y'\n+token = next(tokens)\n+auth = 3\n+secret=a1b2c3d4e5f6g7h8\n"
    assert masked_text(diff) == (
        "+API_TOKEN = \"***\"\n+password: '***'\n+token = next(tokens)\n+auth = 3\n+secret=***\n"
    )
