"""A bucket that does not answer is told in one line, soon; a disk is not asked."""

import threading

import pytest

from sbn.config.errors import ConfigError
from sbn.runs.reach import Unreachable, check_answers


class Bucket:
    def __init__(self, exists):
        self.exists = exists

    def __str__(self):
        return "gs://bucket/run"


def refuses():
    raise RuntimeError("Anonymous caller does not have storage.objects.get access\nand so on")


def test_a_bucket_that_answers_is_there_whatever_it_says():
    check_answers(Bucket(lambda: True))
    check_answers(Bucket(lambda: False))


def test_a_bucket_that_hangs_is_given_up():
    end = threading.Event()
    with pytest.raises(Unreachable, match=r"gs://bucket/run does not answer within 0\.1 seconds: does it exist"):
        check_answers(Bucket(end.wait), patience=0.1)
    end.set()


def test_a_refusal_is_told_in_its_first_line():
    with pytest.raises(ConfigError, match=r"bucket/run can't be read: RuntimeError: Anonymous .* access$"):
        check_answers(Bucket(refuses))


def test_a_disk_is_not_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(type(tmp_path), "exists", refuses)
    check_answers(tmp_path)
