"""The queries of a build: which rows, into which split, with which labels still hidden.

Pure text: specification and times in, SQL out. The SQL compares columns with literals only, all date arithmetic
is done here, so that one text runs on DuckDB, Postgres and Snowflake alike. Every row of the relation ends in
exactly one place: a split, or an exclusion with its reason; `build` checks the sum.

As-of rules: a row is taken when its time, and the time it came to be known, are strictly before `as_of`; a label
whose window reaches past `as_of` is NULL, whatever the relation says, because at that time nobody knew it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

from training.errors import SpecError
from training.spec import DatasetSpec, Label
from training.spec_file import nearest


@dataclass(frozen=True, slots=True)
class Selection:
    """A specification at one as-of time, ready to be asked of a warehouse."""

    spec: DatasetSpec
    as_of: datetime

    def describe(self) -> str:
        """SQL whose empty result has the relation's columns."""
        return f"select * from {self.spec.relation} where 1 = 0"

    def uniqueness(self) -> str:
        """SQL for one row: rows, distinct ids, rows without an id, rows without a time."""
        row_id, time = _quoted(self.spec.id), _quoted(self.spec.time)
        return (
            f"select count(*) as row_count, count(distinct {row_id}) as id_count,"
            f" count(*) - count({row_id}) as missing_id_count, count(*) - count({time}) as missing_time_count"
            f" from {self.spec.relation}"
        )

    def boundaries(self) -> str:
        """SQL for one row: the times at which valid and test begin; NULL when no row is eligible."""
        time, split = _quoted(self.spec.time), self.spec.split
        eligible = " and ".join(f"not ({condition})" for _, condition in self._ineligible())
        return (
            f"select percentile_disc({split.train!r}) within group (order by {time}) as valid_from,"
            f" percentile_disc({round(split.train + split.valid, 9)!r}) within group (order by {time}) as test_from"
            f" from {self.spec.relation} where {eligible}"
        )

    def fates(self, bounds: tuple[datetime, datetime] | None) -> str:
        """SQL for the count of rows by fate: a split's name, or the reason of the exclusion."""
        return (
            f"select fate, count(*) as row_count from (select {self._fate(bounds)} as fate from {self.spec.relation})"
            " as fates group by fate order by fate"
        )

    def rows(self, split: str, bounds: tuple[datetime, datetime] | None) -> str:
        """SQL for the rows of one split in their total order (time, id)."""
        labels = {label.name: label for label in self.spec.labels}
        columns = [
            _quoted(column)
            if column not in labels
            else f"case when {self._mature(labels[column])} then {_quoted(column)} end as {_quoted(column)}"
            for column in self.spec.columns
        ]
        return (
            f"select {', '.join(columns)} from {self.spec.relation} where {self._fate(bounds)} = '{split}'"
            f" order by {_quoted(self.spec.time)}, {_quoted(self.spec.id)}"
        )

    def _mature(self, label: Label) -> str:
        return f"{_quoted(label.since)} <= {_literal(self.as_of - label.window)}"

    def _ineligible(self) -> list[tuple[str, str]]:
        time = _quoted(self.spec.time)
        reasons = [
            (f"{column} not before as_of", f"coalesce({_quoted(column)} >= {_literal(self.as_of)}, true)")
            for column in dict.fromkeys((self.spec.time, self.spec.known))
        ]
        if self.spec.horizon is not None:
            oldest = self.as_of - self.spec.horizon
            reasons.append(("older than the horizon", f"{time} < {_literal(oldest)}"))
        reasons += [(rule.reason, f"coalesce({_quoted(rule.when)}, false)") for rule in self.spec.exclude]
        reasons += [
            (f"label {label.name} immature", f"not ({self._mature(label)})")
            for label in self.spec.labels
            if label.required
        ]
        return reasons

    def _fate(self, bounds: tuple[datetime, datetime] | None) -> str:
        cases = [f"when {condition} then {_text(reason)}" for reason, condition in self._ineligible()]
        if self.spec.split.kind == "entity":
            cases += self._entity_cases()
        elif bounds is not None:
            cases += self._time_cases(*bounds)
        return f"case {' '.join(cases)} else 'test' end"

    def _time_cases(self, valid_from: datetime, test_from: datetime) -> list[str]:
        time = _quoted(self.spec.time)
        cases = []
        for split, end in (("train", valid_from), ("valid", test_from)):
            settled = _literal(end - self.spec.split.embargo)
            closed = " and ".join(f"{_quoted(column)} <= {settled}" for column in self.spec.anchors)
            cases.append(f"when {time} < {_literal(end)} and {closed} then '{split}'")
            cases.append(f"when {time} < {_literal(end)} then 'in the embargo after {split}'")
        return cases

    def _entity_cases(self) -> list[str]:
        # md5 is the one hash that all warehouses share; its hex digits compare as text, which needs no casts.
        split = self.spec.split
        digest = f"substr(md5(concat('{self.spec.seed}:', {_quoted(split.by or self.spec.id)})), 1, 8)"
        return [
            f"when {digest} < '{min(int(share * 2**32), 2**32 - 1):08x}' then '{name}'"
            for name, share in (("train", split.train), ("valid", split.train + split.valid))
        ]


def check(spec: DatasetSpec, schema: pa.Schema) -> None:
    """Raise SpecError when the relation lacks a column of the specification or its time is no UTC time."""
    used = dict.fromkeys((*spec.columns, spec.known, *spec.anchors, *(rule.when for rule in spec.exclude)))
    missing = [column for column in used if column not in schema.names]
    if missing:
        raise SpecError(
            f"{spec.relation} has no column {missing[0]!r}{nearest(missing[0], schema.names)}"
            + (f" (and {len(missing) - 1} more are missing: {', '.join(missing[1:])})" if missing[1:] else "")
        )
    for column in dict.fromkeys((spec.time, spec.known, *spec.anchors)):
        kind = schema.field(column).type
        if not pa.types.is_timestamp(kind) or kind.tz is None:
            raise SpecError(f"{spec.relation}.{column} has type {kind}; it must be a timestamp with time zone")
    for rule in spec.exclude:
        if not pa.types.is_boolean(schema.field(rule.when).type):
            raise SpecError(
                f"{spec.relation}.{rule.when} has type {schema.field(rule.when).type}; it must be a boolean"
            )


def _quoted(name: str) -> str:
    return f'"{name}"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _literal(moment: datetime) -> str:
    return f"cast('{moment.astimezone(UTC).isoformat(sep=' ')}' as timestamp with time zone)"
