"""Measure opt side by side with the tools that a user would pick instead.

``python -m benchmark`` (with ``scripts`` on the path; ``scripts/setup_and_benchmark.sh`` sets all
of it up) makes an environment for each tool, converts every model with every tool that reads its
format, runs what came out, and writes ``docs/benchmarks.json`` with the page and the plots that
are made from nothing but that file.
"""
