"""Pictures of a soak: lag, memory, disk, rates, healing. Small PNGs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.soak.fit import thinned
from benchmarks.soak.judgement import Noted, healing
from benchmarks.soak.kills import SERVICES
from benchmarks.soak.sample import Death, Sample
from benchmarks.soak.spans import waiting_events

NAMES: Final = ("lag", "memory", "disk", "rates", "healing")
_SIZE: Final = (10.0, 4.2)
_DPI: Final = 96
_RATE_SAMPLES: Final = 12  # a minute
_PARTS: Final = 8


def draw(noted: Noted, directory: Path) -> list[Path]:
    """Draw all that there is something to draw for; returns the files."""
    if len(noted.samples) < 3:
        return []
    made: list[tuple[str, Callable[[Any, Noted], None]]] = [
        ("lag", _lag),
        ("memory", _memory),
        ("disk", _disk),
        ("rates", _rates),
        ("healing", _healing),
    ]
    found = []
    for name, fill in made:
        path = directory / f"{name}.png"
        with _picture(path) as axes:
            fill(axes, noted)
        found.append(path)
    return found


@contextmanager
def _picture(path: Path) -> Iterator[Any]:  # Any: matplotlib's axes, which only this module knows
    """Give axes, and write the picture when they are filled. Needs no screen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.grid(True, color="#e0e0e0", linewidth=0.6)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    yield axes
    figure.savefig(path)


def _line(axes: Any, points: Sequence[tuple[float, float]], label: str, **style: Any) -> None:
    few = thinned(points, 1500)
    axes.plot([at / 60 for at, _ in few], [value for _, value in few], label=label, linewidth=1.2, **style)


def _mark(axes: Any, deaths: Sequence[Death]) -> None:
    for number, death in enumerate(deaths):
        heavy = death.victim in ("tree", "up")
        axes.axvline(
            death.at / 60, color="#c03030" if heavy else "#b0b0b0", linewidth=0.8, linestyle="-" if heavy else ":",
            zorder=0, label="_" if number else "a process is killed\n(red: all, or the supervisor)",
        )  # fmt: skip


def _end(axes: Any, title: str, unit: str) -> None:
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel("minutes under load")
    axes.set_ylabel(unit)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.figure.legend(fontsize=8, loc="outside right upper", frameon=False)


def _values(samples: Sequence[Sample], name: str) -> list[tuple[float, float]]:
    return [(one.at, float(value)) for one in samples if (value := getattr(one, name)) is not None]


def _lag(axes: Any, noted: Noted) -> None:
    _mark(axes, noted.deaths)
    builds = [one.at / 60 for one in noted.samples if one.holder is not None and one.holder.startswith("build")]
    _line(axes, _values(noted.samples, "loaded_seconds"), "loaded behind captured", color="#1f5fa8")
    _line(axes, _values(noted.samples, "captured_seconds"), "captured behind the source", color="#d97b1c")
    axes.plot(builds, [0] * len(builds), "|", color="#2d8a4e", markersize=12, label="a build has the warehouse")
    _end(axes, "Lag", "seconds")


def _memory(axes: Any, noted: Noted) -> None:
    _mark(axes, noted.deaths)
    for number, role in enumerate((*SERVICES, "build")):
        points = [(one.at, one.rss.get(role, 0) / 1e6) for one in noted.samples]
        _line(axes, points, role, color=f"C{number}")
    _end(axes, "Resident memory of each service; of a build while there is one", "MB")


def _disk(axes: Any, noted: Noted) -> None:
    latest = noted.samples[-1].disk
    largest = sorted(latest, key=lambda part: -latest[part])[:_PARTS]
    for part in largest:
        _line(axes, [(one.at, one.disk.get(part, 0) / 1e6) for one in noted.samples], part)
    _line(axes, [(at, value / 1e6) for at, value in _values(noted.samples, "slot_bytes")], "WAL that the slot holds")
    _end(axes, "Disk", "MB")


def _rates(axes: Any, noted: Noted) -> None:
    _mark(axes, noted.deaths)
    for name, label in (("changes", "row changes a second"), ("acknowledged", "events with their 200 a second")):
        counted = _values(noted.samples, name)
        pairs = zip(counted, counted[_RATE_SAMPLES:], strict=False)
        _line(axes, [(new[0], (new[1] - old[1]) / (new[0] - old[0])) for old, new in pairs], label)
    _line(axes, [(at, value / 100) for at, value in waiting_events(noted.samples)], "hundreds of events not loaded yet")
    _end(axes, "Rates, over a minute each", "a second")


def _healing(axes: Any, noted: Noted) -> None:
    found = healing(noted.deaths)
    names = sorted(found, key=lambda victim: max(found[victim]))
    for place, victim in enumerate(names):
        healed = [seconds for seconds in found[victim] if seconds != float("inf")]
        axes.plot(healed, [place] * len(healed), "o", color="#1f5fa8", alpha=0.7)
    axes.set_yticks(range(len(names)), names)
    axes.set_title("Seconds from kill -9 until it does its work again", loc="left", fontsize=11)
    axes.set_xlabel("seconds")
    axes.set_xlim(left=0)
