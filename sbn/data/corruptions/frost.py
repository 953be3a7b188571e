"""The pictures of frost: photographs where there are some, or, when asked for, a stand-in."""
