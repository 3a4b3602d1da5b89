"""The version of opt."""

__version__ = "0.1.0"
