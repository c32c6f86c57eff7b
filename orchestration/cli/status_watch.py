"""The live view of `flux status --watch`: lag, rates, slot, last build; redrawn on a terminal, a line a look elsewhere.

A look reads what the services wrote down. The source is asked only when capture has not looked for 30 s.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final  # Any: JSON documents

import click

from ingestion.postgres.pgoutput.lsn import parse_lsn
from orchestration.cli.output import JsonValue, plain

if TYPE_CHECKING:
    from rich.console import RenderableType

Document = Mapping[str, Any]
Look = Callable[[], tuple[Document, Document]]
"""Gives the status document and the last build's."""

# Services write down what they did every few seconds: over less a rate would jump between nothing and twice the truth.
WINDOW_SECONDS: Final = 30.0
_TABLES: Final = 15
_WELL: Final = frozenset({"success", "pass", "no-op"})
_COLOURS: Final = {"streaming": "green", "inexact": "red", "stopped": "red"}


@dataclass(slots=True)
class Rates:
    """What went by, a second, over the looks of the last half minute."""

    _looks: deque[tuple[float, dict[str, int]]] = field(default_factory=deque)

    def see(self, document: Document, at: float) -> None:
        """Take a look's counters; `at` in seconds of any clock that only goes on."""
        position, events = document["position"], document["events"]
        counters: dict[str, int] = {
            f"{which} WAL bytes": parse_lsn(position[f"{which}_lsn"]) for which in ("captured", "loaded")
        }
        counters |= {f"events {which}": events[which] for which in ("accepted", "loaded")}
        if self._looks and any(value < self._looks[-1][1][name] for name, value in counters.items()):
            self._looks.clear()  # another epoch, or another warehouse
        self._looks.append((at, counters))
        while at - self._looks[0][0] > WINDOW_SECONDS:
            self._looks.popleft()

    def a_second(self) -> dict[str, float]:
        """Give the rates by what is counted; none before there were two looks."""
        (first, before), (last, after) = self._looks[0], self._looks[-1]
        if last <= first:
            return {}
        return {name: (after[name] - before[name]) / (last - first) for name in after}


def watch(look: Look, stop: threading.Event, *, every: float, as_json: bool, terminal: bool) -> None:
    """Show looks until `stop` is set."""
    rates = Rates()
    with _screen(terminal and not as_json) as show:
        while True:
            document, build = look()
            rates.see(document, time.monotonic())
            now = dt.datetime.now(dt.UTC)
            if as_json:
                click.echo(json.dumps(plain({**document, "rates": rates.a_second()}), ensure_ascii=False))
            elif terminal:
                show(drawn(document, build, rates.a_second(), now))
            else:
                told = "; ".join(f"{name}: {text}" for name, text in told_lines(document, build, rates.a_second(), now))
                click.echo(f"{now:%H:%M:%S} {told}")
            if stop.wait(every):
                return


def told_lines(
    document: Document, build: Document, rates: Mapping[str, float], now: dt.datetime
) -> Iterator[tuple[str, str]]:
    """Tell all but the tables, a name and a text each."""
    position, slot = document["position"], document["slot"]
    yield "lag", f"captured {_lag(position, 'captured')}, loaded {_lag(position, 'loaded')}"
    yield "rates", ", ".join(f"{rate:,.0f} {name}/s" for name, rate in rates.items()) or "known at the next look"
    if slot is None:
        yield "slot", "the source cannot be asked now, or has none"
    else:
        active = "active" if slot["active"] else "INACTIVE"
        yield "slot", f"{active}, {slot['wal_status']}, holds {slot['retained_bytes']:,} bytes of WAL"
    if document["log"] is not None:
        yield "log", f"{sum(document['log']['bytes'].values()):,} bytes"
    rows = document["quarantine"]["rows"]
    yield "quarantine", f"{rows:,} rows" + ("; 'flux quarantine' lists them" if rows else "")
    yield "build", _told_build(build, now)


def drawn(document: Document, build: Document, rates: Mapping[str, float], now: dt.datetime) -> RenderableType:
    """Draw a look for a terminal: the lines, then the tables, those that changed last first."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    lines = Table.grid(padding=(0, 2))
    for name, text in told_lines(document, build, rates, now):
        lines.add_row(Text(name, style="bold"), Text(text))
    tables = Table(box=None, padding=(0, 2, 0, 0))
    for heading, justify in (("source", "left"), ("state", "left"), ("rows", "right"), ("last change", "right")):
        tables.add_column(heading, justify=justify)  # type: ignore[arg-type]  # rich's literals
    newest = sorted(document["tables"], key=lambda table: table.get("last_change_at") or "", reverse=True)
    newest.sort(key=lambda table: table["state"] == "streaming")
    for table in newest[:_TABLES]:
        state, changed = table["state"], table.get("last_change_at")
        tables.add_row(
            Text(table["source"]),
            Text(state, style=_COLOURS.get(state, "yellow")),
            f"{table['rows']:,}" if table["rows"] is not None else "",
            f"{_ago(dt.datetime.fromisoformat(changed), now)} ago" if changed else "",
        )
    rest = len(newest) - _TABLES
    more = [Text(f"and {rest} more tables, which changed before these or stream", style="dim")] if rest > 0 else []
    head = Text(f"Flux at {now:%Y-%m-%d %H:%M:%S} UTC; Ctrl-C ends", style="dim")
    return Group(head, Text(), lines, Text(), tables, *more)


@contextmanager
def _screen(terminal: bool) -> Iterator[Callable[[JsonValue], None]]:
    if not terminal:
        yield lambda drawing: None
        return
    from rich.live import Live

    with Live(screen=True, auto_refresh=False) as live:
        yield lambda drawing: live.update(drawing, refresh=True)


def _lag(position: Document, which: str) -> str:
    size, seconds = position[f"{which}_lag_bytes"], position[f"{which}_lag_seconds"]
    if size is None:
        return "unknown"
    return f"{size:,} bytes" + (f" and {seconds:,.1f} s" if seconds is not None else "") + " behind"


def _told_build(build: Document, now: dt.datetime) -> str:
    if not build:
        return "there was none"
    nodes = build["nodes"]
    bad = ", ".join(f"{count:,} {name}" for name, count in nodes.items() if name.split()[-1] not in _WELL)
    told = f"{sum(nodes.values()):,} models, tests and other nodes, {bad or 'all well'}"
    return f"cut {build['cut']}, {_ago(dt.datetime.fromisoformat(build['built_at']), now)} ago: {told}"


def _ago(then: dt.datetime, now: dt.datetime) -> str:
    seconds = max((now - then).total_seconds(), 0.0)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:,.0f} s"
