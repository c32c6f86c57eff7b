"""How DuckDB takes a backlog of events: in small row groups, and with more memory than else.

A transaction that brings a table more rows than a group has writes them into the file at once, in their final form.
Other rows go into DuckDB's log, into memory (or the files beside it), and from there into the file at a checkpoint: of
300,000 events of 12 types that was 2 of 11.4 CPU seconds (2026-11, two cores). Each group costs some 3.5 KB of memory
for each column as long as the file stays open, so a long backlog opens it anew from time to time. The first checkpoint
of whoever writes to the file with groups as usual puts small ones together.
"""

from pathlib import Path
from typing import Final

import duckdb

from ingestion.warehouse.duckdb.connection import ROW_GROUP, attach_again

_SMALL: Final = 4_096
# Of 12 types, 44 columns each: 20 MB of groups.
_MOST_TRANSACTIONS: Final = 5
# Of what DuckDB may take else. Of the default that is 336 MB, into which a transaction of a backlog fits: little goes
# through files then, 3 and 10 % fewer CPU seconds for 12 and 200 types, 50 to 100 MB more (2026-11, two cores).
_MORE_MEMORY: Final = 1.75
_LIMIT: Final = "select text, parse_formatted_bytes(text) from (select current_setting('memory_limit') as text)"


class Backlog:
    """How a connection writes while events are behind."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._small = 0  # transactions with small groups since the file was opened
        self._memory = ""  # what DuckDB may take else; known while there is a backlog

    def foresee(self, *, backlog: bool) -> None:
        """Make the groups of what follows small, or all as usual. Between transactions; what waits is checkpointed."""
        if backlog and self._small % _MOST_TRANSACTIONS == 0:
            self._open(_SMALL)
        elif not backlog and self._small:
            self._open(ROW_GROUP)
        if backlog and not self._small:
            ((self._memory, usual),) = self._connection.execute(_LIMIT).fetchall()
            self._connection.execute(f"set memory_limit = '{round(usual * _MORE_MEMORY)}B'")
        elif not backlog and self._small:
            self._connection.execute(f"set memory_limit = '{self._memory}'")
        self._small = self._small + 1 if backlog else 0

    def _open(self, row_group: int) -> None:
        named = "select path from duckdb_databases() where database_name = current_database()"
        ((path,),) = self._connection.execute(named).fetchall()
        if path is not None:  # else it is in memory
            attach_again(self._connection, Path(path), row_group)
