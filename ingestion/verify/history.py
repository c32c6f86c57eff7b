"""Replay the history: what every change says together must be what the mirror holds.

Of a keyed table the last row of each key by (_epoch, _lsn, _seq) counts, unless it takes the row away. Of a table
without a key rows that came in count up, rows that went count down.
"""

from collections.abc import Collection

from ingestion.errors import VerifyError
from ingestion.verify.comparer import comparer
from ingestion.verify.report import TableComparison
from ingestion.warehouse.destination import Destination


def replay_histories(destination: Destination, only: Collection[str] | None = None) -> list[TableComparison]:
    """Compare each replayed history (as `rows_source`) with its mirror. `only` names sources, `schema.table`."""
    tables = sorted(destination.machinery.read_tables().values(), key=lambda table: table.source)
    engine = comparer(destination)
    return [engine.replay(table) for table in tables if only is None or table.source in only]


def assert_history_replays(destination: Destination, only: Collection[str] | None = None) -> None:
    """Raise VerifyError naming the tables whose history, replayed to its end, is not the mirror."""
    wrong = [found for found in replay_histories(destination, only) if not found.equal]
    if wrong:
        named = ", ".join(
            f"{table.relation} ({table.rows_source} rows replayed, {table.rows_warehouse} in the mirror, "
            f"{table.differing_keys} keys differ)"
            for table in wrong
        )
        raise VerifyError(f"history does not replay to the mirror: {named}")
