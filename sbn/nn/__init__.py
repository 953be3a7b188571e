"""Layers that know about branches, and what works on their variables. The parts that models are made of."""
