"""The report of a soak: for machines (report.json), for people (report.md), and in pictures."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import duckdb
import msgspec

from benchmarks.soak.judgement import Noted, healing, lag_figures, lent_seconds, under_load
from benchmarks.soak.options import Options
from benchmarks.soak.verdict import Verdict


class Report(msgspec.Struct, frozen=True):
    """What came of a soak."""

    passed: bool
    stopped: bool  # before its time
    seconds: float
    conditions: dict[str, str | float]
    verdicts: list[Verdict]
    figures: dict[str, dict[str, float | None]]
    ending: object


def make(options: Options, noted: Noted, verdicts: Sequence[Verdict], *, stopped: bool, began: str) -> Report:
    """Put it together."""
    noted = under_load(noted)
    samples = noted.samples
    seconds = samples[-1].at if samples else 0.0
    figures: dict[str, dict[str, float | None]] = {}
    if samples:
        figures = {f"{name}_lag_seconds": values for name, values in lag_figures(noted).items()}
        figures["warehouse_lent_seconds"] = {"max": lent_seconds(samples)}
    for victim, healed in sorted(healing(noted.deaths).items()):
        figures[f"healing_seconds.{victim}"] = {
            "kills": len(healed),
            "median": _finite(median(healed)),
            "max": _finite(max(healed)),
        }
    return Report(
        passed=all(verdict.passed for verdict in verdicts),
        stopped=stopped,
        seconds=seconds,
        conditions=_conditions(options, noted, began),
        verdicts=list(verdicts),
        figures=figures,
        ending=noted.ending,
    )


def write(report: Report, pictures: Sequence[Path], directory: Path) -> None:
    """Write report.json and report.md."""
    (directory / "report.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    (directory / "report.md").write_text(text(report, pictures), encoding="utf-8")


def text(report: Report, pictures: Sequence[Path]) -> str:
    """Write it for people."""
    verdict = "passed" if report.passed else "FAILED"
    lines = [
        f"# Soak: {verdict}{', stopped early' if report.stopped else ''}",
        "",
        "; ".join(f"{name} {value}" for name, value in report.conditions.items()),
        "",
        "| | must hold | found |",
        "|---|---|---|",
        *(f"| {'ok' if one.passed else '**NO**'} {one.name} | {one.rule} | {one.found} |" for one in report.verdicts),
        "",
        "| seconds until well after kill -9 | kills | median | most |",
        "|---|---|---|---|",
    ]
    for name, values in report.figures.items():
        if name.startswith("healing_seconds."):
            cells = ("never" if value is None else f"{value:,.0f}" for value in values.values())
            lines.append(f"| {name.partition('.')[2]} | {' | '.join(cells)} |")
    lines += ["", *(f"![{picture.stem}]({picture.name})" for picture in pictures), ""]
    return "\n".join(lines)


def _conditions(options: Options, noted: Noted, began: str) -> dict[str, str | float]:
    loads = [sample.load for sample in noted.samples]
    return {
        "began": began,
        "minutes": round((noted.samples[-1].at if noted.samples else 0.0) / 60, 1),
        "changes a second": options.changes,
        "events a second": options.events,
        "clients": options.clients,
        "analysts": options.analysts,
        "seed": options.seed,
        "kills": len(noted.deaths),
        "cores": float(os.cpu_count() or 0),
        "machine": platform.machine(),
        "load average (median)": round(median(loads), 1) if loads else 0.0,
        "python": platform.python_version(),
        "duckdb": duckdb.__version__,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
