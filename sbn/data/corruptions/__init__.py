"""Corrupted test sets: the released CIFAR-10-C, CIFAR-100-C and ImageNet-C, and their like made here, of any test set.

`sets.load` returns either as a `CorruptedSet`; `python -m sbn.data.corruptions` lists, makes and shows the made ones.
"""
