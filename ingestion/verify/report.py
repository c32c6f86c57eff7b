"""What a comparison found. Of the rows that differ only keys are shown, and of those only some."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

from ingestion.postgres.pgoutput.lsn import format_lsn
from ingestion.verify.snapshot import Held

SAMPLE_KEYS: Final = 20


@dataclass(frozen=True, slots=True)
class TableComparison:
    """One table on both sides. `differing_keys` counts keys (a table without a key: rows) that are not the same.

    `sample` holds some of these keys, column by column as text; `note` says what else there is to know. `way` is how
    rows were compared: by `checksum`, or all by their `values`. `lsn` is the position, the last one where a table was
    compared range by range at several. `repaired_keys` are those that were put right after they were found;
    `wants_copy`: only a new copy can put the table right.
    """

    source: str
    relation: str
    equal: bool
    rows_source: int
    rows_warehouse: int
    differing_keys: int = 0
    sample: tuple[dict[str, str | None], ...] = ()
    note: str | None = None
    way: str = "values"
    epoch: int = 0
    lsn: int = 0
    repaired_keys: int = 0
    wants_copy: bool = False

    @property
    def right(self) -> bool:
        """Whether both sides are the same now: they were, or were made so."""
        return self.equal or (0 < self.differing_keys == self.repaired_keys)

    def joined(self, other: Self) -> Self:
        """Put the comparisons of two ranges of one table together; the other one came later."""
        return replace(
            other,
            equal=self.equal and other.equal,
            rows_source=self.rows_source + other.rows_source,
            rows_warehouse=self.rows_warehouse + other.rows_warehouse,
            differing_keys=self.differing_keys + other.differing_keys,
            sample=(*self.sample, *other.sample)[:SAMPLE_KEYS],
            note=other.note or self.note,
            way=other.way if other.way == self.way else "values",
            repaired_keys=self.repaired_keys + other.repaired_keys,
            wants_copy=self.wants_copy or other.wants_copy,
        )

    def to_json(self) -> dict[str, object]:
        """The table's entry in the document that `flux verify --json` prints."""
        return {
            "source": self.source,
            "relation": self.relation,
            "equal": self.equal,
            "rows_source": self.rows_source,
            "rows_warehouse": self.rows_warehouse,
            "differing_keys": self.differing_keys,
            "repaired_keys": self.repaired_keys,
            "sample": list(self.sample),
            "note": self.note,
            "compared_by": self.way,
            "position": _position(self.epoch, self.lsn),
        }


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """All tables, each at its position; `lsn` of `epoch` is the last, where the warehouse was left.

    `held` tells what each snapshot cost the source.
    """

    epoch: int
    lsn: int
    tables: tuple[TableComparison, ...]
    seconds: float
    held: Sequence[Held] = ()

    @property
    def equal(self) -> bool:
        """Whether every table was found the same on both sides."""
        return all(table.equal for table in self.tables)

    @property
    def right(self) -> bool:
        """Whether every table is the same on both sides now."""
        return all(table.right for table in self.tables)

    def to_json(self) -> dict[str, object]:
        """The document that `flux verify --json` prints."""
        return {
            "position": _position(self.epoch, self.lsn),
            "tables": [table.to_json() for table in self.tables],
            "seconds": round(self.seconds, 3),
            "snapshots": [
                {"lsn": format_lsn(held.lsn), "seconds": round(held.seconds, 3), "transactions": held.transactions}
                for held in self.held
            ],
        }


def _position(epoch: int, lsn: int) -> dict[str, object]:
    return {"epoch": epoch, "lsn": f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"}
