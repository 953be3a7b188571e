"""The files of a work directory: one reader and one writer of each, and the lock that one training process holds."""
