"""Reads what Paddle Lite's sources register: the kernels and the operators of each version."""
