"""Renders the report as a page; what is on the page is in the report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from benchmark.measuring import RUNS
from benchmark.notes import NOTES
from benchmark.summary import (
    MEASURES,
    OFFICIAL,
    OPT,
    PEERS,
    RIGHT,
    UNVERIFIED,
    Facts,
    Measure,
    Report,
    both,
    conversion,
    count,
    install_ratio,
    measure_called,
    pairs_of,
    ratio,
    reads,
    status,
    tried,
)

TOOLS = (OPT, *PEERS)
DASH = "–"


def render(report: Report) -> str:
    """The page, as Markdown."""
    sections = (
        _head(report),
        _overview(report),
        _against_official(report),
        _models(report),
        _costs(report),
        _sizes(report),
        _fidelity(report),
        _latency(report),
        _memory(report),
        _scaling(report),
        _versions(report),
        _closing(report),
    )
    return "\n".join(line for section in sections for line in (*section, "")).rstrip() + "\n"


# ---- words and tables


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _ratio(value: float | None) -> str:
    """A ratio in bold where the other tool is better; those that round to 1 are even."""
    if value is None:
        return DASH
    text = f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 10 else f"{value:.0f}"
    return f"**{text}**" if float(text) > 1 else text


def _seconds(value: float | None) -> str:
    return DASH if value is None else f"{value:.2f}"


def _milliseconds(value: float | None) -> str:
    return DASH if value is None else f"{value * 1e3:.2f}"


def _megabytes(value: float | None, digits: int = 1) -> str:
    return DASH if value is None else f"{value / 1e6:.{digits}f}"


def _kilobytes(facts: Facts | None) -> str:
    return DASH if facts is None else f"{facts['bytes'] / 1e3:,.0f}"


# ---- sections


def _head(report: Report) -> Iterator[str]:
    conditions = report["conditions"]
    load = conditions["load_average"]
    yield "# Benchmarks"
    yield ""
    yield (
        f"Made by `{conditions['command']}` on {conditions['date']}; its parts took"
        f" {conditions['minutes']:g} minutes together. Every figure stands in"
        " [benchmarks.json](benchmarks.json)."
    )
    yield ""
    yield (
        f"Machine: {conditions['processor']}, {conditions['cores']} cores,"
        f" {conditions['memory_bytes'] / 2**30:.0f} GB, {conditions['system']}; between"
        f" {load['least']:.1f} and {load['most']:.1f} processes wanted to run meanwhile. All tools"
        f" use one thread. Of {RUNS} runs of each conversion the one counts that took the least"
        " processor time; latencies are medians of runs in turns. Ratios over several models are"
        " geometric means; those of processor time compare the sums."
    )


def _overview(report: Report) -> Iterator[str]:
    yield "## opt beside each tool"
    yield ""
    yield (
        "opt's figure divided by the other tool's, over the models that both convert rightly."
        " **Bold: the other tool is better.** opt's conversions include their verification, which"
        " no other tool has; file and latency are those of the tool's own format and runtime."
    )
    yield ""
    names = [measure.name for measure in MEASURES]
    head = ("tool", "converts", "of them wrong", "both", "install", *names)
    yield from _table(head, (_overview_row(report, tool) for tool in TOOLS))


def _overview_row(report: Report, tool: str) -> Sequence[str]:
    converted = count(report, tool, "right", "wrong", "does not run")
    wrong = count(report, tool, "wrong", "does not run")
    start = (tool, f"{converted} of {tried(report, tool)}", str(wrong))
    if tool == OPT:
        return (*start, *(DASH for _ in ("both", "install", *MEASURES)))
    figures = (_ratio(ratio(report, tool, measure)) for measure in MEASURES)
    return (*start, str(len(both(report, tool))), _ratio(install_ratio(report, tool)), *figures)


def _against_official(report: Report) -> Iterator[str]:
    yield "## Against the official route"
    yield ""
    yield "x2paddle, then paddle_lite_opt. What was aimed for, and what was measured:"
    yield ""
    yield from _table(("measure", "aim", "measured", "reached"), _aims(report))


def _aims(report: Report) -> Iterator[Sequence[str]]:
    latency = measure_called("latency")
    time, memory = measure_called("processor time"), measure_called("peak memory")
    slowest = max((a / b for a, b in pairs_of(report, OFFICIAL, latency).values()), default=None)
    yield _aim("processor time, opt's with verification", 0.1, ratio(report, OFFICIAL, time))
    yield _aim("processor time, without it", 0.1, ratio(report, OFFICIAL, time, UNVERIFIED))
    yield _aim("peak memory", 0.5, ratio(report, OFFICIAL, memory))
    yield _aim("installation", 0.25, install_ratio(report, OFFICIAL))
    for name in ("float file", "INT8 file", "INT16 file"):
        worst = (a / b for a, b in pairs_of(report, OFFICIAL, measure_called(name)).values())
        yield _aim(f"{name}, the worst model", 1.0, max(worst, default=None))
    yield _aim("latency, geometric mean", 0.85, ratio(report, OFFICIAL, latency))
    yield _aim("latency, the slowest model", 1.05, slowest)
    ours, theirs = (count(report, tool, "right") for tool in (OPT, OFFICIAL))
    yield (
        *("models converted rightly", "3 times as many", f"{ours} and {theirs}"),
        "yes" if ours >= 3 * theirs else "no",
    )
    missing = [n for n, m in report["models"].items() if _only_theirs(m)]
    yield (
        *("models that only the official route converts", "none"),
        *(", ".join(missing) or "none", "no" if missing else "yes"),
    )


def _aim(name: str, aim: float, value: float | None) -> Sequence[str]:
    reached = value is not None and value <= aim
    text = DASH if value is None else f"{value:.3f}"
    return name, f"at most {aim:g}", text, "yes" if reached else "no"


def _only_theirs(model: Facts) -> bool:
    return status(model, OFFICIAL) == "right" and status(model, OPT) != "right"


def _models(report: Report) -> Iterator[str]:
    yield "## What is converted"
    yield ""
    yield (
        f"Right: the outputs are within {RIGHT:g} of their scale of what the model's own runtime"
        " computes (onnxruntime, OpenCV, LiteRT) on the same inputs. Wrong: they are not, and the"
        " tool did not say so. Empty: it does not read the format."
    )
    yield ""
    rows = (
        (name, model["format"], *(_status(model, tool) for tool in TOOLS))
        for name, model in report["models"].items()
    )
    yield from _table(("model", "format", *TOOLS), rows)
    yield ""
    yield "Why not:"
    yield ""
    for name, model in report["models"].items():
        for tool in TOOLS:
            why = _why(model, tool)
            if why:
                yield f"- {name}, {tool}: {why}"


def _status(model: Facts, tool: str) -> str:
    if not reads(model, tool):
        return ""
    found = status(model, tool)
    return f"**{found}**" if found == "wrong" else found


def _why(model: Facts, tool: str) -> str:
    """In the tool's own words, as code; what is wrong with outputs in ours."""
    found = status(model, tool) if reads(model, tool) else "right"
    if found == "right":
        return ""
    if found == "no":
        attempts = [f for modes in model["conversions"][tool].values() for f in modes.values()]
        return f"`{attempts[0]['why'].replace('`', '')}`" if attempts else "it offers nothing"
    fidelity = next(iter(model["fidelity"].get(tool, {}).values()), None)
    if fidelity is None:
        facts = model["conversions"][tool]["float"].get("x86", {})
        return f"only for ARM; for x86: `{facts.get('why', '')}`"
    if "problem" in fidelity:
        return f"`{fidelity['problem'].replace('`', '')}`"
    return f"outputs differ by {fidelity['max_error_of_scale']:.2g} of their scale"


def _costs(report: Report) -> Iterator[str]:
    yield "## What a conversion costs"
    yield ""
    yield (
        "Processor seconds and peak megabytes of a conversion to a float file (to INT8 for tools"
        " that make nothing else)."
    )
    yield ""
    yield "![Processor time of conversions](benchmarks/conversion.svg)"
    yield ""
    tools = (OPT, UNVERIFIED, *PEERS)
    time, memory = measure_called("processor time"), measure_called("peak memory")
    rows = (
        (name, *(_cost(model, tool, time, memory) for tool in tools))
        for name, model in report["models"].items()
    )
    yield from _table(("model", *tools), rows)


def _cost(model: Facts, tool: str, time: Measure, memory: Measure) -> str:
    seconds, peak = time.of(model, tool), memory.of(model, tool)
    return DASH if seconds is None else f"{_seconds(seconds)} s, {_megabytes(peak, 0)} MB"


def _sizes(report: Report) -> Iterator[str]:
    yield "## How large the files are"
    yield ""
    yield "Kilobytes; `.nb` files are those for ARM."
    yield ""
    columns = [
        *((tool, mode) for mode in ("float", "int8", "int16") for tool in (OPT, OFFICIAL)),
        *(("MNN", "float"), ("MNN", "int8"), ("ncnn", "float")),
        *(("onnxruntime dynamic", "int8"), ("onnxruntime weight-only", "int8")),
        ("LiteRT weight-only", "int8"),
    ]
    rows = (
        (
            *(name, f"{model['bytes'] / 1e3:,.0f}"),
            *(_kilobytes(conversion(model, tool, mode)) for tool, mode in columns),
        )
        for name, model in report["models"].items()
    )
    yield from _table(("model", "source", *(f"{tool} {mode}" for tool, mode in columns)), rows)


def _fidelity(report: Report) -> Iterator[str]:
    yield "## How near the numbers are"
    yield ""
    yield (
        "Float files: the largest difference of an output, of its scale. INT8 and INT16 files: the"
        " signal-to-noise ratio of the worst output in dB."
    )
    yield ""
    columns = [
        *((tool, "float") for tool in (OPT, OFFICIAL, "MNN", "ncnn", "onnxsim", "onnxslim")),
        *((tool, "int8") for tool in (OPT, OFFICIAL, "MNN", "onnxruntime dynamic")),
        *((tool, "int8") for tool in ("onnxruntime weight-only", "LiteRT weight-only")),
        *((tool, "int16") for tool in (OPT, OFFICIAL)),
    ]
    rows = (
        (name, *(_nearness(model, tool, mode) for tool, mode in columns))
        for name, model in report["models"].items()
    )
    yield from _table(("model", *(f"{tool} {mode}" for tool, mode in columns)), rows)


def _nearness(model: Facts, tool: str, mode: str) -> str:
    facts = model["fidelity"].get(tool, {}).get(mode)
    if facts is None:
        return DASH
    if "problem" in facts:
        return "**wrong**"
    if mode == "float":
        return f"{facts['max_error_of_scale']:.1e}"
    return "exact" if facts["sqnr_db"] is None else f"{facts['sqnr_db']:.1f} dB"


def _latency(report: Report) -> Iterator[str]:
    yield "## How fast the files run"
    yield ""
    yield (
        "Milliseconds of processor time of one run on one thread, which is what a run takes where"
        " nothing else runs, with the spread (the distance of the quartiles, of the median); each"
        " file in its own runtime. opt's and the official route's `.nb` files"
        " both run in the official x86 runtime; the ratio is opt's time, of the other's. ONNX"
        " files run in onnxruntime."
    )
    yield ""
    yield "![Latency, of the official route's](benchmarks/latency.svg)"
    yield ""
    rows = ((name, *_latency_row(model)) for name, model in report["models"].items())
    head = ("model", "operators: opt, official route", OPT, OFFICIAL, "ratio", *list(PEERS)[1:])
    yield from _table(head, rows)


def _latency_row(model: Facts) -> Iterator[str]:
    counts = [conversion(model, tool, "float", "x86") for tool in (OPT, OFFICIAL)]
    yield ", ".join(DASH if facts is None else str(facts["operators"]) for facts in counts)
    times = {tool: model["latency"].get(tool) for tool in TOOLS}
    for tool in (OPT, OFFICIAL):
        yield _time(times[tool])
    ours, theirs = times[OPT], times[OFFICIAL]
    if ours is None or theirs is None:
        yield DASH
    else:
        yield _ratio(ours["median_seconds"] / theirs["median_seconds"])
    for tool in list(PEERS)[1:]:
        yield _time(times[tool])


def _time(facts: Facts | None) -> str:
    if facts is None:
        return DASH
    return f"{_milliseconds(facts['median_seconds'])} ± {facts['spread']:.0%}"


def _memory(report: Report) -> Iterator[str]:
    yield "## What a run needs"
    yield ""
    yield (
        "Megabytes, in the official runtime, which was asked for every tensor: activations that"
        " live at once (`opt inspect` computes the same), what the file's variables hold together,"
        " each as much as its largest tensor, and the peak of the process."
    )
    yield ""
    rows = (
        (
            name,
            *(
                _megabytes(model[kind].get(tool), 2)
                for kind in ("activations", "variables")
                for tool in (OPT, OFFICIAL)
            ),
            *(_process(model, tool) for tool in (OPT, OFFICIAL)),
        )
        for name, model in both(report, OFFICIAL).items()
    )
    head = (
        "model",
        *(
            f"{kind}, {tool}"
            for kind in ("activations", "variables", "process")
            for tool in (OPT, OFFICIAL)
        ),
    )
    yield from _table(head, rows)


def _process(model: Facts, tool: str) -> str:
    facts = model["latency"].get(tool)
    return DASH if facts is None else _megabytes(facts["peak_bytes"])


def _scaling(report: Report) -> Iterator[str]:
    yield "## How conversion grows"
    yield ""
    yield (
        "Chains of large weights (not verified) and chains of many small operators (verified). The"
        " exponent is the slope of a line through the logarithms, after what the smallest takes."
    )
    for key, unit in (("by_megabytes", "megabytes"), ("by_operators", "operators")):
        sweep = report["scaling"][key]
        yield ""
        yield f"![Conversion by {unit}](benchmarks/scaling-{unit}.svg)"
        yield ""
        rows = (
            (
                *(f"{row['size']:,}", _seconds(row["wall_seconds"]), _seconds(row["cpu_seconds"])),
                *(_megabytes(row["peak_bytes"], 0), row["why"] or "done"),
            )
            for row in sweep["rows"]
        )
        yield from _table((unit, "seconds", "processor seconds", "peak MB", ""), rows)
        yield ""
        exponents = sweep["exponents"]
        yield (
            f"Exponents: time {_exponent(exponents['cpu_seconds'])}, memory"
            f" {_exponent(exponents['peak_bytes'])}."
        )


def _exponent(value: float | None) -> str:
    return "not measurable" if value is None else f"{value:.2f}"


def _versions(report: Report) -> Iterator[str]:
    yield "## Versions"
    yield ""
    rows = (
        (
            name,
            _megabytes(facts["install_bytes"], 0),
            ", ".join(f"{package} {version}" for package, version in facts["versions"].items()),
        )
        for name, facts in report["tools"].items()
    )
    yield from _table(("environment", "MB on disk", "packages"), rows)


def _closing(report: Report) -> Iterator[str]:
    yield "## Where others are better, and what would change it"
    yield ""
    for measure in ("install", *(measure.name for measure in MEASURES)):
        better = [tool for tool in PEERS if _is_better(report, tool, measure)]
        if better:
            yield f"- **{measure}** ({', '.join(better)}): {NOTES[measure]}"


def _is_better(report: Report, tool: str, measure: str) -> bool:
    if measure == "install":
        return _ratio(install_ratio(report, tool)).startswith("**")
    return _ratio(ratio(report, tool, measure_called(measure))).startswith("**")
