"""How much work something is, on any machine alike: the calls of functions that it makes."""

import sys


def calls_of(function, *args, **kwargs):
    """Returns how many functions, Python's and built-in ones, are called meanwhile. A second is some ten million."""
    count = 0

    def called(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(called)
    try:
        function(*args, **kwargs)
    finally:
        sys.setprofile(None)
    return count
