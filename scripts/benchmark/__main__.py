"""Measure everything and write ``docs/benchmarks.json``, the page and its plots.

    python -m benchmark [--models NAME...] [--keep] [--page-only]

With ``--keep``, models and sweeps that were measured before are not measured again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from functools import partial
from typing import Any  # JSON

from benchmark.environments import ENVIRONMENTS, PLACE, ROOT
from benchmark.model_report import measure_model
from benchmark.models import models
from benchmark.page import render
from benchmark.running import load_average, processor_name
from benchmark.scaling import measure_scaling
from benchmark.tools import WORKERS

RESULTS = PLACE.parent / "results"
WORK = PLACE.parent / "work"
JSON_FILE = ROOT / "docs" / "benchmarks.json"
PAGE = ROOT / "docs" / "benchmarks.md"
PLOTS = ROOT / "docs" / "benchmarks"
COMMAND = "scripts/setup_and_benchmark.sh"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description="Measure opt beside other tools.")
    parser.add_argument("--models", nargs="+", metavar="NAME", help="Measure these models only.")
    parser.add_argument("--keep", action="store_true", help="Keep what was measured before.")
    parser.add_argument("--page-only", action="store_true", help="Only write the page and plots.")
    options = parser.parse_args(arguments)
    if not options.page_only:
        report = _measure(options.models, keep=options.keep)
        JSON_FILE.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(render(json.loads(JSON_FILE.read_text(encoding="utf-8"))), encoding="utf-8")
    _plot()
    print(PAGE)
    return 0


def _measure(names: Sequence[str] | None, *, keep: bool) -> dict[str, Any]:
    for environment in ENVIRONMENTS.values():
        _say(f"environment {environment.name}")
        environment.make()
    if not keep:
        shutil.rmtree(RESULTS, ignore_errors=True)
    measured = {}
    for model in models():
        if names is None or model.name in names:
            _say(f"model {model.name}")
            job = partial(measure_model, model, WORK / model.name)
            measured[model.name] = kept(model.name, job)
    _say("scaling")
    scaling = kept("scaling", partial(measure_scaling, WORK / "scaling"))
    parts = (*measured.values(), scaling)
    loads = [part["load_average"] for part in parts]
    return {
        "conditions": {
            "command": COMMAND,
            "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
            "processor": processor_name(),
            "cores": os.cpu_count(),
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            "system": f"{platform.system()} {platform.machine()}",
            "load_average": {"least": min(loads), "most": max(loads)},
            "minutes": round(sum(part["seconds"] for part in parts) / 60, 1),
        },
        "tools": {
            environment.name: {
                "install_bytes": environment.install_bytes(),
                "versions": environment.versions(),
            }
            for environment in ENVIRONMENTS.values()
            if environment.name != "plots"
        },
        "models": measured,
        "scaling": scaling,
    }


def kept(name: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What was measured before, if it is there, else what is measured now."""
    path = RESULTS / f"{name}.json"
    if path.is_file():
        return dict(json.loads(path.read_text(encoding="utf-8")))
    start = time.monotonic()
    result = measure()
    result |= {"seconds": round(time.monotonic() - start, 1), "load_average": load_average()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result), encoding="utf-8")
    return result


def _plot() -> None:
    PLOTS.mkdir(exist_ok=True)
    ENVIRONMENTS["plots"].make()
    worker = str(WORKERS / "plot.py")
    command = [ENVIRONMENTS["plots"].python, "-I", worker, str(JSON_FILE), str(PLOTS)]
    subprocess.run(command, check=True)


def _say(what: str) -> None:
    print(f"== {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
