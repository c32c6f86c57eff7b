"""The reliability diagram as SVG: promised probability across, observed share up. No script; colours by the page."""

from collections.abc import Mapping, Sequence
from typing import Any

_SIDE, _EDGE = 320, 44


def reliability_svg(bins: Sequence[Mapping[str, Any]]) -> str:  # Any: numbers of the JSON report
    """Draw a point for each bin with the interval that chance allows, and the line of perfect promises."""
    if not bins:
        return ""
    reach = _nice(max(max(one["predicted"], one["greatest"]) for one in bins))

    def across(value: float) -> float:
        return _EDGE + value / reach * _SIDE

    def up(value: float) -> float:
        return 8 + _SIDE - min(value / reach, 1.0) * _SIDE

    ticks = [reach * part / 4 for part in range(5)]
    scale = "".join(
        f'<line class="grid" x1="{_EDGE}" x2="{_EDGE + _SIDE}" y1="{up(tick):.1f}" y2="{up(tick):.1f}"/>'
        f'<text x="{_EDGE - 6}" y="{up(tick) + 4:.1f}" text-anchor="end">{tick:.0%}</text>'
        f'<text x="{across(tick):.1f}" y="{_SIDE + 26}" text-anchor="middle">{tick:.0%}</text>'
        for tick in (round(tick, 6) for tick in ticks)
    )
    marks = "".join(
        f'<line class="range" x1="{across(one["predicted"]):.1f}" x2="{across(one["predicted"]):.1f}"'
        f' y1="{up(one["least"]):.1f}" y2="{up(one["greatest"]):.1f}"/>'
        f'<circle cx="{across(one["predicted"]):.1f}" cy="{up(one["observed"]):.1f}" r="4"/>'
        for one in bins
    )
    told = (
        f"Reliability of {len(bins)} bins of equally many rows: "
        + "; ".join(f"promised {one['predicted']:.1%}, observed {one['observed']:.1%}" for one in bins)
        + ". The table below holds them."
    )
    return (
        f'<svg class="reliability" viewBox="0 0 {_EDGE + _SIDE + 12} {_SIDE + 52}" role="img" aria-label="{told}">'
        f'{scale}<line class="perfect" x1="{across(0):.1f}" y1="{up(0):.1f}" x2="{across(reach):.1f}"'
        f' y2="{up(reach):.1f}"/>{marks}'
        f'<text x="{_EDGE + _SIDE / 2}" y="{_SIDE + 46}" text-anchor="middle">promised probability</text></svg>'
    )


def _nice(value: float) -> float:
    """Return the next round share that holds a value."""
    steps = (0.01, 0.02, 0.04, 0.08, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
    return next((step for step in steps if value <= step), 1.0)
