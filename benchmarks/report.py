"""The figures as documents: a JSON file that keeps the newest of each, and the table in `docs/benchmarks.md`.

`python -m benchmarks.report docs/benchmarks.json docs/benchmarks.md` writes the table anew between its two markers.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

BEGIN: Final = "<!-- figures: written by python -m benchmarks.report -->"
END: Final = "<!-- end -->"


def merge(path: Path, outcomes: Sequence[dict[str, Any]]) -> None:
    """Put figures into the file, in place of those of the same name."""
    kept: dict[str, dict[str, Any]] = {}
    if path.exists():
        kept = {found["figure"]: found for found in json.loads(path.read_text())}
    kept |= {found["figure"]: found for found in outcomes}
    path.write_text(json.dumps(list(kept.values()), indent=1) + "\n")


def table(outcomes: Sequence[dict[str, Any]]) -> str:
    """Render figures as a table in Markdown, and where they were measured below it."""
    lines = ["| figure | here | floor | ratio | goal | |", "|---|---|---|---|---|---|"]
    for found in outcomes:
        unjudged = "" if found["scale"] == 1 else f"scale {found['scale']:g}"
        met = {True: "met", False: "short", None: unjudged}[found["met"]]
        floor = "" if found["floor"] is None else f"{found['floor']:,} ({found['floor_is']})"
        ratio = "" if found["ratio"] is None else f"{found['ratio']:.2f}"
        spread = _spread([each["ratio"] or each["value"] for each in found["rounds"]])
        lines.append(
            f"| {found['title']} | {found['value']:,} {found['unit']} | {floor} | {ratio} {spread} "
            f"| {found['goal']} | {met} |"
        )
    places = dict.fromkeys(
        f"{found['cores']} cores, {found['memory_gb']} GB, {found['system']}, "
        + ", ".join(f"{name} {value}" for name, value in (found["versions"] | found["settings"]).items())
        for found in outcomes
    )
    return "\n".join([*lines, "", *(f"Measured on: {place}." for place in places)])


def fill(document: str, outcomes: Sequence[dict[str, Any]]) -> str:
    """Replace what stands between the markers of a document."""
    head, begin, rest = document.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the document has no markers {BEGIN!r} and {END!r}")
    body = f"\n\n{table(outcomes)}\n\n" if outcomes else "\n\nNot measured yet.\n\n"
    return f"{head}{BEGIN}{body}{END}{tail}"


def _spread(values: Sequence[float]) -> str:
    return f"({min(values):.2f} to {max(values):.2f})" if len(values) > 1 else ""


if __name__ == "__main__":
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    target.write_text(fill(target.read_text(), json.loads(source.read_text())))
