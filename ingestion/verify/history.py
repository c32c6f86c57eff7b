"""Replay the history: what every change says together must be what the mirror holds.

Of a keyed table the last row of each key by (_epoch, _lsn, _seq) counts, unless it takes the row away. Of a table
without a key rows that came in count up, rows that went count down. Where a table got another key, all its rows were
told anew, and the replay begins there.
"""

from collections.abc import Collection

from ingestion.errors import VerifyError
from ingestion.verify.comparer import comparer
from ingestion.verify.report import TableComparison
from ingestion.warehouse.destination import Destination
from ingestion.warehouse.table import Table


def replay_histories(destination: Destination, only: Collection[str] | None = None) -> list[TableComparison]:
    """Compare each replayed history (as `rows_source`) with its mirror. `only` names sources, `schema.table`."""
    known = (table for table in destination.machinery.read_tables().values() if table.has_history)
    tables = sorted(known, key=lambda table: table.source)
    engine = comparer(destination)
    return [
        engine.replay(table, _since_key(destination, table)) for table in tables if only is None or table.source in only
    ]


def _since_key(destination: Destination, table: Table) -> str:
    """SQL: the rows of a history since its table has the key that it has now."""
    since = destination.machinery.key_since(table)
    if since is None:
        return table.history
    place = f"_epoch = {since[0]:d} and _lsn = {since[1]:d}"
    first = f"(select coalesce(max(_seq), 0) from {table.history} where {place} and _op = 'resync')"
    later = f"_epoch > {since[0]:d} or (_epoch = {since[0]:d} and _lsn > {since[1]:d})"
    return (
        f"(select * from {table.history} where ({later} or ({place} and _seq >= {first})) "
        f"and not ({place} and _seq = {first} and _op = 'delete')) as told"
    )


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
