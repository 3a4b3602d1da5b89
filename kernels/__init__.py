"""Kernels: pure functions on arrays that know no graph.

Arrays in, arrays out; hyperparameters are keyword-only; shapes stand in the docstrings.
"""
