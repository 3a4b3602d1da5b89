"""Runs graphs with the NumPy kernels."""
