"""Text that others wrote, made harmless: control characters where it is printed, secrets where it is kept."""

import logging
import re
from collections.abc import Sequence
from typing import Final

# C0 and C1 controls but newline and tab, what turns the direction of writing, what is not to be seen, halves of
# characters; joiners stay, which some scripts are written with
_CONTROLS: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff"
    r"\U000e0000-\U000e007f]"
)


def plain(text: str) -> str:
    r"""Returns a text that moves no cursor and changes no colour: control characters are spelt out, as in '\x1b'."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class PlainFormatter(logging.Formatter):
    """Messages of a log as `plain` has them."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the message of a record."""
        return plain(super().format(record))


_SECRET: Final = (
    r"(?:passw(?:or)?d|pwd|passphrase|secret|cookie|bearer|token"
    r"|api[_-]?key|access[_-]?key|private[_-]?key|credentials?|auth)"
)
_NAMED: Final = re.compile(rf"(?i)(?<![a-z0-9])(?:[\w.-]*[_.-])?(?:pw|{_SECRET})(?:[_-]?(?:id|key|value))?(?![a-z0-9])")
_DIGITS: Final = re.compile(r"-?[\d.,]*\d[\d.,]*")  # a secret of these names may be such, a number of tokens is none
_OF_DIGITS: Final = re.compile(r"(?i)pass|pwd|pw\b|secret|private|api|access")
_HARMLESS: Final = re.compile(r"(?i)-?[\d.,]+(?:e-?\d+)?|true|false|none|null|''|\"\"|")
# What is a secret whatever it is called: an address with a password in it, keys of well-known services
_KNOWN: Final = re.compile(
    r"(?<=://)[^/\s:@'\"]*:[^/\s@'\"]+(?=@)"
    r"|(?<=[Bb]earer )[\w.~+/=-]{8,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\b(?:gh[pousr]_\w{20,}|glpat-[\w-]{20,}|github_pat_\w{20,}|hf_\w{20,}|sk-[\w-]{20,}|AKIA[A-Z0-9]{16}|AIza[\w-]{30,}|xox[abp]-[\w-]{10,}"
    r"|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]+)"
)
_QUERY: Final = re.compile(
    r"(?i)([?&](?:[\w.-]*(?:token|key|secret|passw\w*|credential|signature)[\w.-]*|sig)=)[^&\s\"']+"
)
_ASSIGNED: Final = re.compile(rf"(?i)([\w.-]*{_SECRET}[\w]*[\"']?\s*[:=]\s*)([\"'][^\"'\n]+[\"']|[^\s\"',;)]+)")
_RANDOM: Final = re.compile(r"(?=\S*\d)(?=\S*[A-Za-z])[\w+/=-]{12,}")  # a value without quotes that is no code
MASK: Final = "***"


def masked_words(words: Sequence[str]) -> list[str]:
    """Returns a command line without the values of arguments whose names look like secrets: '--api_token=***'."""
    shown: list[str] = []
    follows = False
    for word in words:
        name, equals, value = word.partition("=")
        if follows and not word.startswith("-"):
            word = MASK
        elif equals and _NAMED.search(name) and not _is_harmless(name, value):
            word = f"{name}={MASK}"
        follows = word.startswith("-") and not equals and _NAMED.search(word) is not None
        shown.append(_known(word))
    return shown


def _is_harmless(name: str, value: str) -> bool:
    """Whether a value is no secret although its name is that of one."""
    digits = _OF_DIGITS.search(name) is not None and _DIGITS.fullmatch(value) is not None
    return _HARMLESS.fullmatch(value) is not None and not digits


def masked_text(text: str) -> str:
    """Returns a text, such as the difference of sources, without values that are assigned to names of secrets."""

    def hide(found: re.Match[str]) -> str:
        quoted = found[2][0] in "\"'"
        literal = not _HARMLESS.fullmatch(found[2].strip("\"'")) if quoted else _RANDOM.fullmatch(found[2])
        return f"{found[1]}{found[2][0] * quoted}{MASK}{found[2][0] * quoted}" if literal else found[0]

    return _known(_ASSIGNED.sub(hide, text))


def _known(text: str) -> str:
    """A text without what is a secret whatever it is called, and without secrets in the queries of addresses."""
    return _KNOWN.sub(MASK, _QUERY.sub(rf"\g<1>{MASK}", text))
