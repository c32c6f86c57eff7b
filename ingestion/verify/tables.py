"""Compare all tables of source and warehouse at one position.

The position is the source's choice: a snapshot with its LSN. The warehouse is brought to just there by whoever owns it,
then each table's rows are read under the snapshot and compared, one table ahead of the comparison.
"""

import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

from ingestion.errors import VerifyError
from ingestion.postgres.pgoutput import Relation
from ingestion.postgres.pgoutput.lsn import Lsn, format_lsn
from ingestion.postgres.plan import make_plan
from ingestion.postgres.source import Source
from ingestion.verify.comparer import comparer
from ingestion.verify.report import TableComparison, VerifyReport
from ingestion.verify.snapshot import Snapshot, Spooled, snapshot
from ingestion.warehouse.destination import Destination
from ingestion.warehouse.table import TableState

Progress = Callable[[TableComparison], None]
_DROPPED: Final = "no longer at the source"


def verify_tables(
    source: Source,
    destination: Destination,
    bring: Callable[[Lsn], object],
    *,
    spool: Path,
    only: Collection[str] | None = None,
    progress: Progress | None = None,
) -> VerifyReport:
    """Compare every replicated table (`only`: these sources, `schema.table`), column by column.

    The caller owns the warehouse. `bring` is called once with an LSN and must bring the warehouse to exactly there:
    all that committed before it, nothing else. `spool` is a directory that exists, with room for the two largest tables
    as text; nothing stays there. Raises VerifyError when the warehouse cannot be brought there, or a name is unknown.
    """
    began = time.monotonic()
    selected = {table.oid: table.source for table in make_plan(source).selected}
    with snapshot(source) as at:
        bring(at.lsn)
        epoch = _require_position(destination, at.lsn)
        known = destination.machinery.read_tables()
        live = {oid: table for oid, table in known.items() if table.state is not TableState.STOPPED}
        tables = {oid: table for oid, table in live.items() if _wanted(table.source, only)}
        relations = at.relations([*tables, *(oid for oid, name in selected.items() if _wanted(name, only))])
        if unknown := set(only or ()) - {t.source for t in tables.values()} - {r.source for r in relations.values()}:
            raise VerifyError(f"no replicated table is named {', '.join(sorted(unknown))}; 'flux plan' lists them")
        found = [_missing(at, relation) for oid, relation in relations.items() if oid not in tables]
        found += [
            TableComparison(table.source, table.relation, False, 0, destination.count(table), note=_DROPPED)
            for oid, table in tables.items()
            if oid not in relations
        ]
        engine = comparer(destination)
        with tempfile.TemporaryDirectory(prefix="verify-", dir=spool) as directory:
            for spooled in _ahead(at, [relations[oid] for oid in tables if oid in relations], Path(directory)):
                compared = engine.compare(tables[spooled.relation.oid], spooled)
                spooled.path.unlink()
                found.append(compared)
                if progress is not None:
                    progress(compared)
    found.sort(key=lambda compared: compared.source)
    return VerifyReport(epoch, at.lsn, tuple(found), time.monotonic() - began)


def _require_position(destination: Destination, lsn: Lsn) -> int:
    """Return the warehouse's epoch. Raises VerifyError unless it stands at `lsn`."""
    row = destination.machinery.read_position("postgres")
    if row is None:
        raise VerifyError("nothing was replicated yet; run 'flux replicate --until-now'")
    epoch, loaded = row[:2]
    if loaded != lsn:
        raise VerifyError(
            f"warehouse stands at {format_lsn(loaded)} and could not be brought to {format_lsn(lsn)}, where the source "
            "is read; see 'flux status' for why"
        )
    return int(epoch)


def _missing(at: Snapshot, relation: Relation) -> TableComparison:
    rows = at.count(relation)
    return TableComparison(relation.source, "", False, rows, 0, note="not in the warehouse yet")


def _ahead(at: Snapshot, relations: Sequence[Relation], directory: Path) -> Iterator[Spooled]:
    """Spool tables in a thread, one ahead of whoever takes them."""
    with ThreadPoolExecutor(1, "verify") as pool:
        waiting: Future[Spooled] | None = None
        for number, relation in enumerate(relations):
            ready, waiting = waiting, pool.submit(at.spool, relation, directory / f"{number}.csv")
            if ready is not None:
                yield ready.result()
        if waiting is not None:
            yield waiting.result()


def _wanted(source: str, only: Collection[str] | None) -> bool:
    return only is None or source in only
