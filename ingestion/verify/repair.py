"""Put right what differs: the rows of these keys become the source's, as they are at the verified position.

The warehouse stands at just that position and its owner holds the lease, so the stream goes on from there as ever. As
after a new copy the history gets the differences alone, `resync` and `delete`, and `_flux.history_gaps` says that it
cannot be trusted before.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
from pyarrow import csv

from ingestion.failpoints import reach
from ingestion.verify.moments import Moment
from ingestion.verify.placement import Placement, place
from ingestion.verify.snapshot import Spooled
from ingestion.warehouse.destination import Destination
from ingestion.warehouse.table import Table, TableState

_REASON: Final = "rows differed from the source and were repaired"
_BLOCK_BYTES: Final = 8 << 20


@dataclass(frozen=True, slots=True)
class Repair:
    """Repairs tables. `clocked`: the time is a column of the source's, not that of commits and snapshots."""

    destination: Destination
    clocked: bool

    def put_right(self, moment: Moment, table: Table, spooled: Spooled, here: str) -> tuple[Table | None, str | None]:
        """Replace the rows of the keys that differ between the spooled rows and those of the mirror that are `here`.

        Returns the table as it is now; None, and why, when only a new copy helps.
        """
        placement = place(table, spooled.relation.columns)
        if table.state is not TableState.STREAMING or table.epoch != moment.epoch:
            return None, "it waits for a new copy"
        if not table.key or not placement.exact:
            return None, "only a new copy can repair it"
        lsn = moment.at.lsn
        with self.destination.transaction():
            at = self._time(moment)
            self.destination.clock.enter(moment.epoch, lsn, moment.at.taken_at, at)
            repaired, keys = self.destination.repair(table, _chunks(spooled, placement), here, lsn, at)
            machinery = self.destination.machinery
            if repaired.has_history:
                machinery.note_gap(repaired, repaired.snapshot_lsn, lsn, _REASON)
            machinery.note_change(repaired, lsn, "repair", "", f"{keys} keys differed from the source")
            reach("repair.before_commit")
        reach("repair.after_commit")
        return repaired, None

    def _time(self, moment: Moment) -> datetime:
        """The position's time by Flux's clock, which never runs backwards."""
        before, _ = self.destination.clock.around(moment.epoch, moment.at.lsn)
        known = None if self.clocked and before is not None else moment.at.taken_at
        return max(filter(None, (before, known)))


def _chunks(spooled: Spooled, placement: Placement) -> Iterator[pa.Table]:
    """Read the spooled rows as the loader's text columns c0, c1, ... of the table."""
    names = [f"s{place}" for place in range(len(spooled.relation.columns))]
    reader: Any = csv.open_csv(  # Any: pyarrow has no types
        spooled.path,
        csv.ReadOptions(column_names=[*names, "_end"], block_size=max(2 * spooled.longest_row_bytes, _BLOCK_BYTES)),
        csv.ParseOptions(newlines_in_values=True),
        csv.ConvertOptions(
            column_types=dict.fromkeys([*names, "_end"], pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    with reader:
        for batch in reader:
            rows = pa.Table.from_batches([batch])
            yield pa.table({f"c{i}": rows.column(f"s{place}") for i, place in enumerate(placement.places)})
