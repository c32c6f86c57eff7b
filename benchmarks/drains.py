"""Backlogs through the log and into the warehouse, beside pg_recvlogical on the same backlog just before.

Every round of every figure begins with the same populated warehouse and the same place in the WAL (see
`benchmarks.home`). The clock runs from the moment at which the processes, already started, are told to begin, until
the log (capture) or the closed and checkpointed warehouse (drain) holds all; connecting, planning and opening count.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from benchmarks.backlog import BASE_ROWS, KINDS, Backlog, build
from benchmarks.bench import Bench
from benchmarks.decode import DECODE, measure_decode
from benchmarks.figure import Figure, Goal, Reading
from benchmarks.home import Base, History, Home, Run
from benchmarks.recvlogical import Floor, read_away
from benchmarks.source import Source, database, server
from benchmarks.subscription import WAREHOUSES, PostgresWarehouse

_FLOOR: Final = "pg_recvlogical over TCP to /dev/null, same backlog"
_DRAIN_GOALS: Final = {"insert_big": 0.85, "update_big": 0.85, "mixed": 0.90, "small": 0.90}
_HISTORY_GOALS: Final = {"insert_big": 0.60, "update_big": 0.60, "mixed": 0.65, "small": 0.65}


def _figure(prefix: str, kind: str, what: str, limit: float) -> Figure:
    title = f"{what}: {KINDS[kind].words}"
    return Figure(f"{prefix}_{kind}", title, "k changes/s", _FLOOR, Goal("ratio", ">=", limit))


CAPTURES: Final = {
    kind: _figure("capture", kind, "capture to the durable log", 1.0) for kind in ("insert_big", "mixed")
}
MIRRORS: Final = {
    kind: _figure("drain", kind, "capture and load together into DuckDB, mirror only", limit)
    for kind, limit in _DRAIN_GOALS.items()
}
HISTORIES: Final = {
    kind: _figure("drain_history", kind, "capture and load together into DuckDB, with history", limit)
    for kind, limit in _HISTORY_GOALS.items()
}
_DRAINS: Final[dict[History, dict[str, Figure]]] = {"off": MIRRORS, "keep": HISTORIES}
FIGURES: Final = (*CAPTURES.values(), *MIRRORS.values(), *HISTORIES.values(), DECODE, *WAREHOUSES.values())


def measure(bench: Bench, wanted: Collection[str]) -> None:
    """Measure the wanted ones among FIGURES."""
    directory = bench.directory / "drains"
    with server(directory / "source") as running:
        source = database(running, "backlogs")
        bench.say(f"filling the source with {bench.rows(BASE_ROWS):,} rows")
        source.fill(1, bench.rows(BASE_ROWS))
        source.settle()
        modes = [mode for mode, figures in _by_mode().items() if any(f.name in wanted for f in figures)]
        bases = {mode: _base(bench, source, mode) for mode in modes}
        postgres = None
        if any(figure.name in wanted for figure in WAREHOUSES.values()):
            postgres = PostgresWarehouse.populate(bench, source, directory / "warehouse")
        try:
            for kind in KINDS:
                if any(figure.name in wanted for figure in _of_kind(kind)):
                    _measure_kind(bench, source, bases, postgres, kind, wanted)
        finally:
            if postgres is not None:
                postgres.remove()


def _by_mode() -> dict[History, Sequence[Figure]]:
    return {"off": (*CAPTURES.values(), *MIRRORS.values(), DECODE), "keep": tuple(HISTORIES.values())}


def _of_kind(kind: str) -> list[Figure]:
    figures = [found[kind] for found in (CAPTURES, MIRRORS, HISTORIES, WAREHOUSES) if kind in found]
    return [*figures, DECODE] if kind == "insert_big" else figures


def _base(bench: Bench, source: Source, history: History) -> Base:
    bench.say(f"populating a warehouse, history {history}")
    return Base.populate(Home(bench.directory / "drains" / f"home_{history}", source, history))


def _measure_kind(
    bench: Bench,
    source: Source,
    bases: dict[History, Base],
    postgres: PostgresWarehouse | None,
    kind: str,
    wanted: Collection[str],
) -> None:
    bench.say(f"building the backlog {kind!r}")
    backlog = build(source, kind, bench.scale)
    sums = source.sums()
    for _ in range(bench.rounds):
        if kind in CAPTURES and CAPTURES[kind].name in wanted:
            _capture(bench, bases["off"], CAPTURES[kind], backlog)
        for mode, figures in _DRAINS.items():
            if figures[kind].name in wanted:
                _drain(bench, bases[mode], figures[kind], backlog, sums)
        if postgres is not None and kind in WAREHOUSES and WAREHOUSES[kind].name in wanted:
            postgres.measure(bench, WAREHOUSES[kind], backlog)
    if kind == "insert_big" and DECODE.name in wanted:
        home = bases["off"].use("used_decode", log_only=True)
        begin = home.log.durable_end()
        home.capture(lambda: home.captured() >= backlog.end)
        measure_decode(bench, home, begin)
        home.remove()
    if kind == list(KINDS)[-1]:
        return
    for base in bases.values():
        base.advance()
    if postgres is not None:
        postgres.advance()


def _capture(bench: Bench, base: Base, figure: Figure, backlog: Backlog) -> None:
    home = base.use("used_capture", log_only=True)
    floor = read_away(base.home.source, base.slot, backlog.end)
    run = home.capture(lambda: home.captured() >= backlog.end)
    home.remove()
    bench.record(figure, _reading(backlog, run, floor))


def _drain(bench: Bench, base: Base, figure: Figure, backlog: Backlog, sums: tuple[int, ...]) -> None:
    home = base.use(f"used_{base.home.history}")
    floor = read_away(base.home.source, base.slot, backlog.end)
    run = home.drain(lambda: home.loaded() >= backlog.end)
    home.require_equal(sums)
    home.remove()
    bench.record(figure, _reading(backlog, run, floor))


def _reading(backlog: Backlog, run: Run, floor: Floor) -> Reading:
    return Reading(
        backlog.changes / run.seconds / 1000,
        backlog.changes / floor.seconds / 1000,
        {**run.cpu_seconds, **floor.cpu_seconds},
        run.peak_rss_mb,
        {
            "changes": backlog.changes,
            "wal_mb": round(backlog.wal_bytes / 2**20),
            "seconds": round(run.seconds, 2),
            "seconds_until_visible": round(run.visible_seconds, 2),
            "floor_seconds": round(floor.seconds, 2),
        },
    )
