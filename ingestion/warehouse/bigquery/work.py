"""What a transaction is going to do in BigQuery: files on their way, and the statements that follow.

Everything is gathered until the end. Then the files are awaited, and one script says it all between BEGIN and COMMIT.
"""

import contextlib
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingestion.errors import IngestionError
from ingestion.failpoints import reach
from ingestion.warehouse.bigquery.local import Local
from ingestion.warehouse.bigquery.service import STAGING, Service


@dataclass(slots=True)
class Work:
    """One transaction. `touched`: OIDs of tables of whose mirror a statement here changes rows."""

    service: Service
    local: Local
    statements: list[str] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)
    _loads: list[Any] = field(default_factory=list)  # Any: the client's jobs
    _staged: list[str] = field(default_factory=list)

    def say(self, statement: str) -> None:
        """Add a statement."""
        self.statements.append(statement)

    def stage(self, query: str, types: Mapping[str, str]) -> str:
        """Send rows of a local query; gives the relation in which they will be."""
        name = self.new_name()
        self.send(query, types, name)
        return self.service.relation(STAGING, name)

    def temporary(self) -> str:
        """Name a temporary table of the script, as no other is named: an emulator keeps those of scripts before."""
        return f"temporary_{uuid.uuid4().hex[:12]}"

    def new_name(self) -> str:
        """Name another staged table."""
        self._staged.append(f"s_{self.service.token}_{uuid.uuid4().hex[:12]}")
        return self._staged[-1]

    def send(self, query: str, types: Mapping[str, str], name: str) -> int:
        """Append rows of a local query to a staged table; their number."""
        file = self.local.files / f"{name}.parquet"
        rows = self.local.write(query, file)
        self.send_file(file, types, name)
        return rows

    def send_file(self, file: Path, types: Mapping[str, str], name: str) -> None:
        """Append a file to a staged table. The file is gone then."""
        try:
            self._loads.append(self.service.load(file, STAGING, name, types))
        finally:
            file.unlink()

    def arrive(self) -> None:
        """Wait until all that was sent is there."""
        self.service.wait_for(self._loads)
        self._loads = []

    def commit(self) -> float:
        """Do all of it, or nothing; the seconds that it took."""
        began = time.monotonic()
        if self.statements:
            self.arrive()
            reach("bigquery.staged")
            self.service.transact(self.statements)
        return time.monotonic() - began

    def clean(self) -> None:
        """Drop what was staged."""
        for name in self._staged:
            self.service.forget(STAGING, name)
        self._staged = []

    def clean_quietly(self) -> None:
        """Drop what was staged, if that can be; else it goes by itself."""
        with contextlib.suppress(IngestionError):
            self.arrive()
            self.clean()
