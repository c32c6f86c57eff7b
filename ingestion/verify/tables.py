"""Compare all tables of source and warehouse, each at one position.

The position is the source's choice: a snapshot with its LSN. The warehouse is brought to just there by whoever owns it.
Then both sides count and sum their rows at once, range by range; rows move only where a sum differs, and what is said
to differ was compared by its values.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg

from ingestion.errors import VerifyError
from ingestion.postgres.pgoutput import Relation
from ingestion.postgres.pgoutput.lsn import Lsn
from ingestion.postgres.plan import make_plan
from ingestion.postgres.source import Source
from ingestion.selection.views import Treater, source_oid
from ingestion.verify.comparer import comparer
from ingestion.verify.moments import Moment, Moments
from ingestion.verify.ranges import PART_ROWS, PART_SECONDS, Ranges
from ingestion.verify.repair import Repair
from ingestion.verify.report import TableComparison, VerifyReport
from ingestion.verify.slices import Slice
from ingestion.warehouse.destination import Destination
from ingestion.warehouse.table import Table

# progress(table, rows compared so far, rows that there are, about)
Progress = Callable[[str, int, int], None]
MAX_AGE_SECONDS: Final = 600.0
_SPOOL: Final = "verify-"
_DROPPED: Final = "no longer at the source"
_UNSELECTED: Final = "no longer selected; 'flux plan' says why"


def verify_tables(
    source: Source,
    destination: Destination,
    bring: Callable[[Lsn], object],
    *,
    spool: Path,
    only: Collection[str] | None = None,
    progress: Progress | None = None,
    max_age_seconds: float = MAX_AGE_SECONDS,
    part_rows: int = PART_ROWS,
    repair: Repair | None = None,
) -> VerifyReport:
    """Compare every replicated table (`only`: these sources, `schema.table`), column by column.

    The caller owns the warehouse. `bring` is called with an LSN and must bring the warehouse to exactly there: all that
    committed before it, nothing else; again for each further snapshot. None gets older than `max_age_seconds`, or a
    minute. `spool` is a directory that exists, with room for a table as text where one cannot be compared by checksum;
    nothing stays there, and what one that was killed left is removed. With `repair` what differs is put right at once.
    Raises VerifyError when the warehouse cannot be brought there, or a name is unknown.
    """
    began = time.monotonic()
    selected = {table.oid: table.source for table in make_plan(source).selected}
    wished = [oid for oid, name in selected.items() if _wanted(name, only)]
    found: list[TableComparison] = []
    for left in spool.glob(f"{_SPOOL}*"):
        shutil.rmtree(left)
    with (
        _told(),
        tempfile.TemporaryDirectory(prefix=_SPOOL, dir=spool) as directory,
        Moments(source, destination, bring, wished, max_age_seconds) as moments,
    ):
        first = moments.now()
        names = {number: table.source for number, table in first.tables.items() if _wanted(table.source, only)}
        coming = [first.relations[oid] for oid in {*wished} - {*map(source_oid, names)} if oid in first.relations]
        if unknown := set(only or ()) - {*names.values(), *(relation.source for relation in coming)}:
            raise VerifyError(f"no replicated table is named {', '.join(sorted(unknown))}; 'flux plan' lists them")
        found = [_missing(first, relation) for relation in coming]
        treater = Treater(source.selection.key)
        random_rows = max(int(part_rows * max_age_seconds / 2 / PART_SECONDS), 1)
        ranges = Ranges(comparer(destination), treater, Path(directory), part_rows, random_rows, repair)
        cuts = {number: ranges.cut(first, number) for number in sorted(names, key=lambda number: names[number])}
        total, done = sum(cut.rows for cut in cuts.values()), 0
        for number, (parts, _) in cuts.items():
            compared: TableComparison | None = None
            for part in parts:
                one, goes_on = _range(destination, ranges, moments, first.tables[number], part)
                compared = one if compared is None or not goes_on else compared.joined(one)
                if not goes_on:
                    break
                done += one.rows_warehouse
                if progress is not None:
                    progress(names[number], done, max(total, done))
            if compared is not None:
                found.append(compared)
        last = moments.last
    found.sort(key=lambda compared: (compared.source, compared.relation))
    return VerifyReport(last.epoch, last.at.lsn, tuple(found), time.monotonic() - began, moments.held)


@contextmanager
def _told() -> Iterator[None]:
    """Tell that the source broke off: a standby cancels long queries, a restart ends the snapshot."""
    try:
        yield
    except psycopg.Error as error:  # the warehouse's own come as WarehouseError or LoadError
        what = f"{type(error).__name__}, SQLSTATE {error.sqlstate or 'unknown'}"
        raise VerifyError(f"the source broke off while it was compared ({what}); run 'flux verify' again") from error


def _missing(moment: Moment, relation: Relation) -> TableComparison:
    rows, note = moment.at.count(relation), "not in the warehouse yet"
    return TableComparison(relation.source, "", False, rows, 0, note=note, epoch=moment.epoch, lsn=moment.at.lsn)


def _gone(destination: Destination, moment: Moment, table: Table) -> TableComparison:
    rows, lsn = destination.count(table), moment.at.lsn
    note = _UNSELECTED if source_oid(table.oid) in moment.relations else _DROPPED
    return TableComparison(table.source, table.relation, False, 0, rows, note=note, epoch=moment.epoch, lsn=lsn)


def _range(
    destination: Destination, ranges: Ranges, moments: Moments, table: Table, part: Slice
) -> tuple[TableComparison, bool]:
    """Compare a range of a table; with whether others follow: not where it is gone, or takes too long."""
    for _ in range(2):
        moment, number = moments.now(), table.oid
        if number not in moment.tables or number not in moment.views:
            return _gone(destination, moment, table), False
        fresh = moment.at.age_seconds < moment.at.most_seconds / 10
        try:
            return ranges.compare(moment, number, part), True
        except psycopg.errors.QueryCanceled:
            if moment.at.age_seconds < moment.at.most_seconds:
                raise  # somebody else ended it
        moments.end()
        if fresh:
            break
    return _slow(destination, moment, table), False


def _slow(destination: Destination, moment: Moment, table: Table) -> TableComparison:
    """Tell of a table, or a range of it, that takes the source longer than a snapshot may last."""
    note = (
        f"not compared: that takes the source longer than {moment.at.most_seconds / 60:.0f} minutes; raise "
        "FLUX_VERIFY_SNAPSHOT_MINUTES for a time in which its VACUUM may wait"
    )
    rows, lsn = destination.count(table), moment.at.lsn
    return TableComparison(table.source, table.relation, False, 0, rows, note=note, epoch=moment.epoch, lsn=lsn)


def _wanted(source: str, only: Collection[str] | None) -> bool:
    return only is None or source in only
