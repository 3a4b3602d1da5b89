"""Weights in fewer bits without calibration data: one module for each rule."""
