"""One point-in-time join, beside a scan and sort of the same history, and beside Feast's DuckDB offline store.

The statement is what the models run: `pit_join` and `version_columns` as DuckDB's adapter renders them, positions and
all. Joined rows are written to a table, as a model does; so are the floor's sorted ones. Each statement has a process
of its own. Feast has an environment of its own, `.venv-feast`, made at the first run; it gets Parquet, a pandas frame
and times instead of positions, which is what it takes, and gives an Arrow table.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from benchmarks.bench import Bench
from benchmarks.errors import BenchError
from benchmarks.figure import Figure, Goal, Reading
from benchmarks.macros import rendered
from benchmarks.process import ROOT
from benchmarks.statement_process import Told, measured

_FLOOR: Final = "a scan and sort of the same history into a table"
JOIN: Final = Figure(
    "pit_join", "one point-in-time join, 1 M rows and 5 M versions of 100 k keys", "s", _FLOOR, Goal("ratio", "<=", 1.5)
)
FEAST: Final = Figure(
    "pit_join_feast", "the same join", "k rows/s", "Feast 0.67, its DuckDB offline store", Goal("ratio", ">=", 10)
)
DEEP: Final = Figure(
    "pit_join_deep", "the same, 1 M rows and 2 M versions of 20 keys, half of the rows of one key", "s", _FLOOR,
    Goal("value", "<=", 6),
)  # fmt: skip
DEEP_MEMORY: Final = Figure(
    "pit_join_deep_memory", "peak resident memory of that join", "MB", "none", Goal("value", "<=", 1024)
)
WIDE: Final = Figure(
    "pit_join_wide", "the same, 200 k rows and 1 M versions of 200 columns", "s", _FLOOR, Goal("value", "<=", 12)
)
WIDE_MEMORY: Final = Figure(
    "pit_join_wide_memory", "peak resident memory of that join", "MB", "none", Goal("value", "<=", 4096)
)
FIGURES: Final = (JOIN, FEAST, DEEP, DEEP_MEMORY, WIDE, WIDE_MEMORY)
_FEAST: Final = "feast[duckdb]==0.67.0"
_FEATURES: Final = ("level", "hours", "completeness", "flag", "family", "unit")
_SORTED: Final = "create temp table sorted as select * from history order by member_id, _epoch, _lsn, _seq"


@dataclass(frozen=True, slots=True)
class Shape:
    """A history and the rows that ask it. `skewed`: every second row is of the first key."""

    rows: int
    versions: int
    keys: int
    skewed: bool = False
    more_columns: int = 0

    @property
    def columns(self) -> list[str]:
        """Columns of a version that are joined."""
        return [*_FEATURES, *(f"more_{place}" for place in range(self.more_columns))]

    def joined(self, strategy: str | None = None) -> str:
        """Give the statement of the join."""
        named = "none" if strategy is None else f"'{strategy}'"
        join = rendered(
            f"pit_join('spine', 'versions', ['member_id'], {self.columns}, ['example_id'],"
            f" is_deleted='is_deleted', order='_seq', strategy={named})",
            "pit_join.sql",
            "pit_packed.sql",
            "commit_position.sql",
        )
        return f"create temp table joined as {join}"

    def write(self, file: Path) -> None:
        """Make the tables `history` and `spine`, and the view `versions` as a staging model gives it."""
        validity = rendered("version_columns('member_id')", "version_columns.sql", "commit_position.sql")
        position = rendered("commit_position()", "commit_position.sql")
        key = f"cast(hash(i * 31 + 7) % {self.keys} as bigint)"
        if self.skewed:
            key = f"case when i % 2 = 0 then 0 else {key} end"
        with duckdb.connect(str(file)) as connection:
            connection.execute("set TimeZone = 'UTC'")
            connection.execute(
                f"""create table history as
                select
                    cast(hash(i) % {self.keys} as bigint) as member_id,
                    cast(hash(i) % 7 as integer) as level,
                    cast(hash(i) % 60 as integer) as hours,
                    round(cast(hash(i) % 1001 as double) / 1000, 3) as completeness,
                    hash(i) % 7 = 0 as flag,
                    cast(hash(i) % 50 as varchar) as family,
                    cast(hash(i * 3) % 1000 as bigint) as unit,
                    {"".join(f"hash(i + {place}) % 1000 / 8.0 as more_{place}, " for place in range(self.more_columns))}
                    case when i % 97 = 0 then 'delete' else 'update' end as _op,
                    cast(1767225600000 as bigint) as _epoch,
                    cast(64 * i as bigint) as _lsn,
                    cast(1 as bigint) as _seq,
                    timestamptz '2026-01-01 00:00:00+00' + i * interval 3 second as _commit_at
                from range({self.versions}) as numbers (i)"""
            )
            connection.execute(
                f"""create table spine as
                select example_id, member_id, asked_at, {position} as _position from (
                    select
                        i as example_id,
                        {key} as member_id,
                        cast(1767225600000 as bigint) as _epoch,
                        64 * place + 32 as _lsn,
                        timestamptz '2026-01-01 00:00:01+00' + place * interval 3 second as asked_at
                    from (select i, cast(hash(i * 5) % {self.versions} as bigint) as place
                        from range({self.rows}) as numbers (i)))"""
            )
            connection.execute(
                f"create view versions as select member_id, {', '.join(self.columns)}, {validity} from history"
            )


def measure(bench: Bench, wanted: Collection[str]) -> None:
    """Measure what is wanted."""
    if {JOIN.name, FEAST.name}.intersection(wanted):
        shape = Shape(bench.rows(1_000_000), bench.rows(5_000_000), bench.rows(100_000))
        file = _file(bench, "flat", shape)
        for _ in range(bench.rounds):
            joined = _measure(bench, wanted, JOIN, None, shape, file, strategies=True)
            if FEAST.name in wanted:
                _feast(bench, shape, file, joined)
    for figure, memory, shape in (
        (DEEP, DEEP_MEMORY, Shape(bench.rows(1_000_000), bench.rows(2_000_000), 20, skewed=True)),
        (WIDE, WIDE_MEMORY, Shape(bench.rows(200_000), bench.rows(1_000_000), bench.rows(20_000), more_columns=194)),
    ):
        if {figure.name, memory.name}.intersection(wanted):
            file = _file(bench, figure.name, shape)
            for _ in range(bench.rounds):
                _measure(bench, wanted, figure, memory, shape, file)


def _file(bench: Bench, name: str, shape: Shape) -> Path:
    file = bench.directory / f"{name}.duckdb"
    bench.say(f"making {shape.versions:,} versions and {shape.rows:,} rows")
    shape.write(file)
    return file


def _measure(
    bench: Bench,
    wanted: Collection[str],
    figure: Figure,
    memory: Figure | None,
    shape: Shape,
    file: Path,
    *,
    strategies: bool = False,
) -> Told:
    floor = measured(file, _SORTED)
    joined = measured(file, shape.joined(), _sums(shape))
    more: dict[str, Any] = {"rows": shape.rows, "versions": shape.versions}
    if strategies:
        other = measured(file, shape.joined("range"), _sums(shape))
        if other["then"] != joined["then"]:
            raise BenchError(f"the strategies differ: {joined['then']} and {other['then']}")
        more |= {"range_join_seconds": round(other["seconds"], 2)}
    cpu = {"join": joined["cpu_seconds"], "floor": floor["cpu_seconds"]}
    peaks = {"join": joined["peak_rss_mb"], "floor": floor["peak_rss_mb"]}
    if figure.name in wanted:
        bench.record(figure, Reading(joined["seconds"], floor["seconds"], cpu, peaks, more))
    if memory is not None and memory.name in wanted:
        bench.record(memory, Reading(joined["peak_rss_mb"], None, more={"floor_peak_rss_mb": floor["peak_rss_mb"]}))
    return joined


def _sums(shape: Shape) -> str:
    """A query of what was joined, to hold results against one another; sums of floats in tenths of thousands."""
    return (
        "select count(*), count(level), sum(level), sum(hours), sum(unit), count(family),"
        " sum(cast(completeness * 1000 as bigint)), count(case when flag then 1 end),"
        " sum(cast(hash(example_id, level, hours, unit, family) % 1000003 as bigint)) from joined"
    )


def _feast(bench: Bench, shape: Shape, file: Path, joined: Told) -> None:
    """Ask Feast for the same, and compare every row."""
    directory = bench.directory / "feast"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    listed = ", ".join(f"case when _op <> 'delete' then {name} end as {name}" for name in _FEATURES)
    with duckdb.connect(str(file), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for name, query in {
            "history": f"select member_id, _commit_at as event_timestamp, {listed} from history",
            "spine": "select example_id, member_id, asked_at as event_timestamp from spine",
        }.items():
            connection.execute(f"copy ({query}) to '{directory / name}.parquet' (format parquet, compression zstd)")
    done = subprocess.run(
        [str(_feast_python(bench)), "-P", str(Path(__file__).with_name("feast_process.py")), str(directory)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"Feast failed:\n{done.stderr[-2000:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    different = ", ".join(f"f.{name} is distinct from j.{name}" for name in _FEATURES).replace(", ", " or ")
    unlike = measured(
        file,
        shape.joined(),
        f"select count(distinct f.example_id) filter ({different}), count(*) - count(distinct f.example_id)"
        f" from read_parquet('{directory / 'feast.parquet'}') as f inner join joined as j using (example_id)",
    )["then"]
    if unlike[0]:
        raise BenchError(f"Feast and the join differ in {unlike[0]} of {shape.rows} rows")
    more = {
        "feast_seconds": round(told["seconds"], 2),
        "differing_rows": unlike[0],
        "rows_that_feast_gave_twice": unlike[1],
    }
    peaks = {"join": joined["peak_rss_mb"], "feast": told["peak_rss_mb"]}
    speeds = [shape.rows / seconds / 1000 for seconds in (joined["seconds"], told["seconds"])]
    bench.record(FEAST, Reading(speeds[0], speeds[1], peak_rss_mb=peaks, more=more))


def _feast_python(bench: Bench) -> Path:
    """Give the Python of Feast's own environment, made when it is not there."""
    home = ROOT / ".venv-feast"
    python = home / "bin" / "python"
    if not python.exists():
        bench.say(f"installing {_FEAST} into {home.name}")
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        installed = subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", _FEAST], check=False
        )
        if installed.returncode:
            shutil.rmtree(home)
            raise BenchError(f"{_FEAST} could not be installed; is a package registry in reach?")
    return python
