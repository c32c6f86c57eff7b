"""Small charts as SVG made on the server: they print, need no script and stay sharp.

Lengths are percentages of the element, so one drawing fits a phone and a wall; text stays HTML outside the drawing and
every drawing is hidden from screen readers because the numbers stand beside it.
"""

from __future__ import annotations

from collections.abc import Sequence


def sparkline(values: Sequence[float | None], *, target: float | None = None) -> str:
    """Return a line over equal steps with its last point marked and, if given, the target as a dashed line.

    The vertical range is that of the data (and target) with a tenth of air; a gap in the data is a gap in the line.
    """
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return ""
    marks = [*known, *([target] if target is not None else [])]
    low, high = min(marks), max(marks)
    span = high - low
    low, span = (low - span * 0.1, span * 1.2) if span else (low - 1.0, 2.0)  # values that never change: in the middle

    def y(value: float) -> float:
        return 100 - (value - low) / span * 100

    step = 100 / (len(values) - 1)
    runs: list[list[str]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(f"{index * step:.2f},{y(value):.2f}")
    lines = "".join(f'<polyline points="{" ".join(run)}"/>' for run in runs if len(run) > 1)
    area = "".join(
        f'<polygon points="{run[0].split(",")[0]},100 {" ".join(run)} {run[-1].split(",")[0]},100"/>'
        for run in runs
        if len(run) > 1
    )
    goal = (
        f'<line class="goal" x1="0" x2="100" y1="{y(target):.2f}" y2="{y(target):.2f}"/>' if target is not None else ""
    )
    end = f'<circle cx="100%" cy="{y(values[-1]):.2f}%" r="3"/>' if values[-1] is not None else ""
    return (
        '<svg class="spark" aria-hidden="true">'
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" width="100%" height="100%">{area}{goal}{lines}</svg>'
        f"{end}</svg>"
    )


def bar(share: float, colour: str, *, goal: float | None = None) -> str:
    """Return a horizontal bar of a share (0-1) of the width, with an optional mark at the goal's share."""
    width = max(0.0, min(1.0, share)) * 100
    mark = ""
    if goal is not None and 0 <= goal <= 1:
        mark = f'<line class="goal" x1="{goal * 100:.2f}%" x2="{goal * 100:.2f}%" y1="0" y2="100%"/>'
    return (
        '<svg class="bar" aria-hidden="true"><rect class="track" width="100%" height="100%" rx="3"/>'
        f'<rect class="c-{colour}" width="{width:.2f}%" height="100%" rx="3"/>{mark}</svg>'
    )


def dots(points: Sequence[tuple[float, str]], *, goal: float | None = None) -> str:
    """Return dots at shares (0-1) of the width, the first on top, joined by a line; goal is a mark at its own."""
    shares = [share for share, _ in points]
    rule = '<line class="rule" x1="0" x2="100%" y1="50%" y2="50%"/>'
    mark = ""
    if goal is not None and 0 <= goal <= 1:
        mark = f'<line class="goal" x1="{goal * 100:.2f}%" x2="{goal * 100:.2f}%" y1="0" y2="100%"/>'
    link = ""
    if len(shares) > 1:
        link = f'<line class="link" x1="{min(shares) * 100:.2f}%" x2="{max(shares) * 100:.2f}%" y1="50%" y2="50%"/>'
    circles = "".join(
        f'<circle class="c-{colour}" cx="{share * 100:.2f}%" cy="50%" r="5"/>' for share, colour in reversed(points)
    )
    return f'<svg class="dots" aria-hidden="true">{rule}{mark}{link}{circles}</svg>'
