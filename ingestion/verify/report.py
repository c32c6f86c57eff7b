"""What a comparison found. Of the rows that differ only keys are shown, and of those only some."""

from dataclasses import dataclass
from typing import Final

SAMPLE_KEYS: Final = 20


@dataclass(frozen=True, slots=True)
class TableComparison:
    """One table on both sides. `differing_keys` counts keys (a table without a key: rows) that are not the same.

    `sample` holds some of these keys, column by column as text; `note` says what else there is to know.
    """

    source: str
    relation: str
    equal: bool
    rows_source: int
    rows_warehouse: int
    differing_keys: int = 0
    sample: tuple[dict[str, str | None], ...] = ()
    note: str | None = None

    def to_json(self) -> dict[str, object]:
        """The table's entry in the document that `flux verify --json` prints."""
        return {
            "source": self.source,
            "relation": self.relation,
            "equal": self.equal,
            "rows_source": self.rows_source,
            "rows_warehouse": self.rows_warehouse,
            "differing_keys": self.differing_keys,
            "sample": list(self.sample),
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """All tables at one position: everything that committed before `lsn` of `epoch`, and nothing else."""

    epoch: int
    lsn: int
    tables: tuple[TableComparison, ...]
    seconds: float

    @property
    def equal(self) -> bool:
        """Whether every table is the same on both sides."""
        return all(table.equal for table in self.tables)

    def to_json(self) -> dict[str, object]:
        """The document that `flux verify --json` prints."""
        return {
            "position": {"epoch": self.epoch, "lsn": f"{self.lsn >> 32:X}/{self.lsn & 0xFFFFFFFF:X}"},
            "tables": [table.to_json() for table in self.tables],
            "seconds": round(self.seconds, 3),
        }
