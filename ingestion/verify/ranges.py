"""Compare one range of a table: by counts and sums, and where these differ by the rows of the buckets that do."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from ingestion.errors import VerifyError
from ingestion.postgres.pgoutput import Relation
from ingestion.selection.views import Treater, source_oid
from ingestion.verify.comparer import Comparer
from ingestion.verify.forms import Layout
from ingestion.verify.landed import landed
from ingestion.verify.moments import Moment
from ingestion.verify.placement import lay_out, place
from ingestion.verify.repair import Repair
from ingestion.verify.report import TableComparison
from ingestion.verify.slices import WHOLE, Checksum, Slice, bucket_count, cut
from ingestion.verify.snapshot import Snapshot, Spooled
from ingestion.warehouse.table import Table

# About five seconds of the source's time.
PART_ROWS: Final = 2_000_000
PART_SECONDS: Final = 5.0
_SAMPLE: Final = 20_000
_INTEGERS: Final = frozenset({"int2", "int4", "int8", "SMALLINT", "INTEGER", "BIGINT"})
_ORDERED: Final = _INTEGERS | {"uuid", "UUID"}
T = TypeVar("T")


class Cut(NamedTuple):
    """The ranges of a table, and about how many rows they have in all."""

    parts: list[Slice]
    rows: int


@dataclass(frozen=True, slots=True)
class Ranges:
    """Cuts tables and compares ranges. Files lie in `directory`; `repair` puts right what differs.

    Ranges have about `part_rows` rows, those of random keys `random_rows`.
    """

    engine: Comparer
    treater: Treater
    directory: Path
    part_rows: int
    random_rows: int
    repair: Repair | None

    def cut(self, moment: Moment, number: int) -> Cut:
        """Cut a table, if it is large enough and both sides order its key alike."""
        table, rows = moment.tables[number], self.engine.rows(moment.tables[number])
        in_order = all(table.columns[i].type in _INTEGERS for i in table.key)
        count = -(-rows // (self.part_rows if in_order else self.random_rows))
        if count < 2 or number not in moment.views or not _has_ordered_key(table, moment.views[number].relation):
            return Cut([WHOLE], rows)
        return Cut(list(cut(self.engine.sample(table, _SAMPLE), count)), rows)

    def compare(self, moment: Moment, number: int, part: Slice) -> TableComparison:
        """Compare one range of a table that both sides have."""
        table, view = moment.tables[number], moment.views[number]
        if part != WHOLE and not _has_ordered_key(table, view.relation):
            raise VerifyError(f"{table.source!r} got another key while it was compared; run 'flux verify' again")
        numbered = moment.at.utf8 and self.engine.sums
        layout = lay_out(place(table, view.relation.columns), view) if numbered else None
        if layout is None:
            found = self._by_values(moment, number, part, None)
        else:
            found = self._by_checksum(moment, number, part, layout)
        return replace(found, epoch=moment.epoch, lsn=moment.at.lsn)

    def _by_checksum(self, moment: Moment, number: int, part: Slice, layout: Layout) -> TableComparison:
        table, relation = moment.tables[number], moment.relations[source_oid(number)]

        def sums(of: int) -> tuple[dict[int, Checksum], dict[int, Checksum]]:
            return _at_once(
                moment.at,
                lambda: moment.at.checksums(relation, layout, part, of),
                lambda: self.engine.checksums(table, layout, part, of),
            )

        theirs, ours = sums(1)
        rows = theirs[0].rows, ours[0].rows
        note = place(table, moment.views[number].relation.columns).note
        found = TableComparison(table.source, table.relation, True, *rows, note=note)
        if theirs != ours:
            of = bucket_count(max(rows))
            narrowed = part.narrowed(*sums(of), of) if of > 1 else part
            differing = self._by_values(moment, number, narrowed, layout)
            found = replace(differing, rows_source=rows[0], rows_warehouse=rows[1])
        return replace(found, way="checksum")

    def _by_values(self, moment: Moment, number: int, part: Slice, layout: Layout | None) -> TableComparison:
        table = moment.tables[number]
        with self._spooled(moment, number, part, layout) as spooled:
            found = self.engine.compare(table, spooled, part, layout)
            if found.equal or self.repair is None:
                return found
            repaired, note = self.repair.put_right(moment, table, spooled, self.engine.within(table, layout, part))
            if repaired is None:
                return replace(found, wants_copy=True, note="; ".join(filter(None, (found.note, note))))
            moment.tables[number] = repaired
            if not self.engine.compare(repaired, spooled, part, layout).equal:
                raise VerifyError(
                    f"{table.source!r} differs from the source also after its repair; "
                    f"run 'flux replicate --again {table.source}'"
                )
            return replace(found, repaired_keys=found.differing_keys)

    @contextmanager
    def _spooled(self, moment: Moment, number: int, part: Slice, layout: Layout | None) -> Iterator[Spooled]:
        """Spool the rows of a part, in the form in which they should land, for the length of the block."""
        relation, path = moment.relations[source_oid(number)], self.directory / f"{number}.csv"
        try:
            yield landed(moment.at.spool(relation, path, part, layout), moment.views[number], self.treater)
        finally:
            for left in self.directory.iterdir():  # also of a query that was ended
                left.unlink()


def _has_ordered_key(table: Table, relation: Relation) -> bool:
    """Whether the key is the same on both sides and made of what these order alike."""
    types = {column.name: column.type for column in relation.columns}
    return (
        bool(table.key)
        and tuple(table.columns[i].source_name for i in table.key) == relation.key
        and all(types[name] in _ORDERED for name in relation.key)
        and all(table.columns[i].type in _ORDERED for i in table.key)
    )


def _at_once(at: Snapshot, theirs: Callable[[], T], ours: Callable[[], T]) -> tuple[T, T]:
    """Ask the source in a thread and the warehouse in this one; the source is not left working for nobody."""
    with ThreadPoolExecutor(1, "verify") as pool:
        asked = pool.submit(theirs)
        try:
            mine = ours()
            return asked.result(), mine
        except BaseException:
            at.cancel()
            raise
