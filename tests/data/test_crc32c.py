"""CRC-32C is that of the standard, of messages of any length, and that of TensorFlow's own files."""

import numpy as np
import pytest

from sbn.data import crc32c


def slow(message):
    """Bit by bit, as the polynomial is defined."""
    register = 0xFFFFFFFF
    for byte in message:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def test_the_standards_check_value():
    assert crc32c.checksums([b"123456789"]) == [0xE3069283]


def test_messages_of_any_lengths_at_once(monkeypatch):
    rng = np.random.default_rng(0)
    messages = [rng.bytes(n) for n in (4, 5, 255, 256, 257, 511, 512, 513, 1500, 8, 3)[:-1]]
    wanted = [slow(message) for message in messages]
    assert crc32c.checksums(messages).tolist() == wanted
    monkeypatch.setattr(crc32c, "_MOST", 600)  # in several parts
    assert crc32c.checksums(messages).tolist() == wanted
    assert crc32c.checksums([]).tolist() == []
    with pytest.raises(ValueError, match="4 bytes"):
        crc32c.checksums([b"abc"])
