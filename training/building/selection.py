"""The queries of a build: which rows, into which split, with which labels still hidden.

Pure text: specification and times in, SQL out. The SQL compares columns with literals only, all date arithmetic
is done here, so that one text runs on DuckDB, Postgres and Snowflake alike. Every row of the relation ends in
exactly one place: a split, or an exclusion with its reason; `plan` checks the sum.
"""

from dataclasses import dataclass
from datetime import datetime

from training.building.values import column_sql
from training.spec import IS_BEFORE_LOG, IS_IN_HISTORY_GAP, SPLITS, DatasetSpec
from training.sql import literal, quoted, text

Bounds = tuple[datetime, datetime]
"""When valid and test begin."""

After = tuple[datetime, int | str]
"""Time and id of the last row that is there already."""

_DRAWN = "_drawn_rank"
_DRAWN_ID = "_drawn_id"


@dataclass(frozen=True, slots=True)
class Selection:
    """A specification at one as-of time, ready to be asked of a warehouse.

    A row is taken when its time, and the time it came to be known, are strictly before `as_of`.
    """

    spec: DatasetSpec
    as_of: datetime

    def describe(self) -> str:
        """SQL whose empty result has the relation's columns."""
        return f"select * from {self.spec.relation} where 1 = 0"

    def uniqueness(self) -> str:
        """SQL for one row: rows, distinct ids, rows without an id, rows without a time."""
        row_id, time = quoted(self.spec.id), quoted(self.spec.time)
        return (
            f"select count(*) as row_count, count(distinct {row_id}) as id_count,"
            f" count(*) - count({row_id}) as missing_id_count, count(*) - count({time}) as missing_time_count"
            f" from {self.spec.relation}"
        )

    def boundaries(self) -> str:
        """SQL for one row: the times at which valid and test begin; NULL when no row is eligible."""
        time, split = quoted(self.spec.time), self.spec.split
        eligible = " and ".join(f"not ({condition})" for _, condition in self._ineligible())
        return (
            f"select percentile_disc({split.train!r}) within group (order by {time}) as valid_from,"
            f" percentile_disc({round(split.train + split.valid, 9)!r}) within group (order by {time}) as test_from"
            f" from {self._rows()} where {eligible}"
        )

    def fates(self, bounds: Bounds | None) -> str:
        """SQL for the count of rows by fate: a split's name, or the reason of the exclusion."""
        return (
            f"select fate, count(*) as row_count from (select {self._fate(bounds)} as fate from {self._rows()})"
            " as fates group by fate order by fate"
        )

    def rows(self, split: str, bounds: Bounds | None, after: After | None = None) -> str:
        """SQL for the rows of one split in their total order (time, id), all or those that come after one."""
        time, row_id = quoted(self.spec.time), quoted(self.spec.id)
        end = self.known_by(split, bounds)
        columns = ", ".join(column_sql(self.spec, column, end) for column in self.spec.columns)
        rest = ""
        if after is not None:
            last = text(after[1]) if isinstance(after[1], str) else str(after[1])
            then = literal(after[0])
            rest = f" and ({time} > {then} or ({time} = {then} and {row_id} > {last}))"
        return (
            f"select {columns} from {self._rows()} where {self._fate(bounds)} = '{split}'{rest}"
            f" order by {time}, {row_id}"
        )

    def left_out(self) -> str:
        """SQL for what the models withheld before the relation: reason, rows, people. Needs `spec.left_out`."""
        known = f"{quoted(self.spec.known)} < {literal(self.as_of)}"
        if self.spec.horizon is not None:
            known += f" and {quoted(self.spec.known)} >= {literal(self.as_of - self.spec.horizon)}"
        people = f"count(distinct {quoted(self.spec.subject)})" if self.spec.subject else "null"
        return (
            f"select reason, count(*) as row_count, {people} as subject_count from {self.spec.left_out}"
            f" where {known} group by reason order by reason"
        )

    def first_known(self) -> str:
        """SQL for one row: when the first row of the relation became known."""
        return f"select min({quoted(self.spec.known)}) as first_known from {self.spec.relation}"

    @property
    def later(self) -> tuple[str, ...]:
        """The reasons of rows that were not known yet."""
        return tuple(f"{column} not before as_of" for column in self._times())

    def known_by(self, split: str, bounds: Bounds | None) -> datetime:
        """When the labels of a split must have been known: before the next split begins, else as of now."""
        return self.as_of if bounds is None else dict(zip(SPLITS, bounds, strict=False)).get(split, self.as_of)

    def _rows(self) -> str:
        """The relation, with each drawn row's rank in the seeded order where the specification takes only some."""
        negatives = self.spec.negatives
        numbered = [kind for kind, number in negatives.keep if number] if negatives else []
        if negatives is None or negatives.per is None or not numbered:
            return self.spec.relation
        kind, row_id = quoted(negatives.column), quoted(self.spec.id)
        kinds = ", ".join(map(text, numbered))
        # Rows that were not known then take no rank from those that were.
        known = " and ".join(f"{quoted(column)} < {literal(self.as_of)}" for column in self._times())
        # Ranked by themselves: a window over whole rows would hold every column of every row at once.
        ranks = (
            f"select {row_id} as {_DRAWN_ID}, row_number() over (partition by {quoted(negatives.per)}, {kind}, {known}"
            f" order by {self._digest(row_id)}, {row_id}) as {_DRAWN} from {self.spec.relation}"
            f" where {kind} in ({kinds})"
        )
        return (
            f"(select told.*, ranked.{_DRAWN} from {self.spec.relation} as told"
            f" left join ({ranks}) as ranked on told.{row_id} = ranked.{_DRAWN_ID}) as drawn"
        )

    def _times(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.spec.time, self.spec.known)))

    def _ineligible(self) -> list[tuple[str, str]]:
        """Reason and condition of every exclusion; the first that holds is the row's."""
        spec = self.spec
        reasons = [
            (reason, f"coalesce({quoted(column)} >= {literal(self.as_of)}, true)")
            for reason, column in zip(self.later, self._times(), strict=True)
        ]
        if spec.horizon is not None:
            reasons.append(("older than the horizon", f"{quoted(spec.time)} < {literal(self.as_of - spec.horizon)}"))
        if spec.before_log == "exclude":
            reasons.append(("before the log began", f"coalesce({quoted(IS_BEFORE_LOG)}, true)"))
        if spec.history_gaps == "exclude":
            reasons.append(("in a gap of the history", f"coalesce({quoted(IS_IN_HISTORY_GAP)}, true)"))
        reasons += [(rule.reason, f"coalesce({quoted(rule.when)}, false)") for rule in spec.exclude]
        reasons += self._negatives()
        reasons += [
            (
                f"label {label.name} immature",
                f"not coalesce({quoted(label.since)} <= {literal(self.as_of - label.window)}, false)",
            )
            for label in spec.labels
            if label.required
        ]
        return reasons

    def _negatives(self) -> list[tuple[str, str]]:
        negatives = self.spec.negatives
        if negatives is None:
            return []
        kind = quoted(negatives.column)
        kept = ", ".join(text(name) for name, number in negatives.keep if number != 0) or "''"
        beyond = [
            (f"more than {number} {name} for each {negatives.per}", f"{kind} = {text(name)} and {_DRAWN} > {number}")
            for name, number in negatives.keep
            if number
        ]
        return [(f"{negatives.column} not kept", f"coalesce({kind} not in ({kept}), true)"), *beyond]

    def _fate(self, bounds: Bounds | None) -> str:
        cases = [f"when {condition} then {text(reason)}" for reason, condition in self._ineligible()]
        split = self.spec.split
        if split.kind == "entity":
            cases += self._into("train", self._entity_below(split.train))
            cases += self._into("valid", self._entity_below(split.train + split.valid))
        elif bounds is not None:
            for name, end in zip(SPLITS, bounds, strict=False):
                before = f"{quoted(self.spec.time)} < {literal(end)}"
                settled = literal(end - split.embargo)
                open_ = " or ".join(f"{quoted(column)} > {settled}" for column in self.spec.anchors)
                cases.append(f"when {before} and ({open_}) then 'in the embargo after {name}'")
                cases += self._into(name, before)
        return f"case {' '.join(cases)} else 'test' end"

    def _into(self, split: str, condition: str) -> list[str]:
        held = self.spec.split.holdout
        out = [f"when {condition} and coalesce({quoted(held)}, true) then 'held out of {split}'"] if held else []
        return [*out, f"when {condition} then '{split}'"]

    def _entity_below(self, share: float) -> str:
        digest = f"substr({self._digest(quoted(self.spec.split.by or self.spec.id))}, 1, 8)"
        return f"{digest} < '{min(int(share * 2**32), 2**32 - 1):08x}'"

    def _digest(self, column: str) -> str:
        # md5 is the one hash that all warehouses share; its hex digits compare as text, which needs no casts.
        return f"md5(concat('{self.spec.seed}:', {column}))"
