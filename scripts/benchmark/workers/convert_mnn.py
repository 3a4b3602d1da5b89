"""MNN's converter, without its wrapper, which installs a package that reports its use."""

import sys

import _tools  # MNN's own module beside its package

_tools.mnnconvert(["mnnconvert", *sys.argv[1:]])
