"""Flux's clock with its rows in BigQuery: what a batch asks of it stands on this side, older places are asked there."""

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from ingestion.warehouse.bigquery.local import Local
from ingestion.warehouse.bigquery.service import Service
from ingestion.warehouse.clock import Clock


@dataclass(frozen=True, slots=True)
class BigqueryClock(Clock):
    """The clock of one warehouse. See `ingestion.warehouse.clock`."""

    service: Service

    def fill(self, local: Local) -> None:
        """Take over the newest row."""
        rows = self.service.query(
            f"select max(_epoch), max(_lsn), max(commit_at), max(clock_at) from {self._relation} having count(*) > 0"
        )
        for row in rows:
            local.connection.execute("insert into _flux.clock values ($1, $2, $3, $4)", list(row))

    def recall(self, epoch: int) -> None:
        rows = self.service.query(
            f"select _lsn, max(commit_at), max(clock_at) from {self._relation} where _epoch = {epoch:d} group by _lsn"
        )
        moment = pa.timestamp("us", tz="UTC")
        columns = list(zip(*rows, strict=True)) if rows else [(), (), ()]
        kinds = {"_lsn": pa.int64(), "commit_at": moment, "clock_at": moment}
        told = {name: pa.array(values, kind) for (name, kind), values in zip(kinds.items(), columns, strict=True)}
        self.session.bring("_rows", pa.table(told))
        self.session.keep("_tx", "select * from _rows")
        self.session.forget("_rows")

    def around(self, epoch: int, lsn: int) -> tuple[datetime | None, datetime | None]:
        if self.now() is None:  # it has not begun
            return None, None
        later = f"(_epoch > {epoch:d} or (_epoch = {epoch:d} and _lsn > {lsn:d}))"
        ((before, after),) = self.service.query(
            f"select max(if({later}, null, clock_at)), min(if({later}, clock_at, null)) from {self._relation}"
        )
        return before, after

    def enter(self, epoch: int, lsn: int, commit_at: datetime, clock_at: datetime) -> None:
        known = self.service.query(f"select count(*) from {self._relation} where _epoch = {epoch:d} and _lsn = {lsn:d}")
        if known == [(0,)]:
            Clock.enter(self, epoch, lsn, commit_at, clock_at)

    @property
    def _relation(self) -> str:
        return self.service.relation("_flux", "clock")
