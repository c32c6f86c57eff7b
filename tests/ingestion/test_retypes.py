"""Which changes of type leave every value's text as it was: Postgres itself is asked."""

import psycopg
import pytest

from ingestion.load.retypes import keeps_text

VALUES = {
    "smallint": ["-32768", "7"],
    "integer": ["12", "-5"],
    "bigint": ["12", "-5"],
    "numeric": ["1.50", "7", "0.000"],
    "numeric(8,2)": ["1.50", "7"],
    "numeric(8,4)": ["1.5", "7"],
    "numeric(12,2)": ["1.5", "7"],
    "text": ["a", "ab  "],
    "character varying": ["a", "ab  "],
    "character varying(3)": ["a", "ab "],
    "character varying(5)": ["a", "ab   "],
    "character(4)": ["ab"],
    "bit varying(3)": ["101"],
    "bit varying(5)": ["10101"],
    "timestamp without time zone": ["2026-01-01 10:00:00.123456"],
    "timestamp(0) without time zone": ["2026-01-01 10:00:00"],
    "timestamp(3) without time zone": ["2026-01-01 10:00:00.123"],
    "timestamp(3) with time zone": ["2026-01-01 10:00:00.123"],
    "date": ["2026-01-01"],
    "double precision": ["0.1", "7"],
    "boolean": ["t"],
}


@pytest.mark.parametrize("before", VALUES)
def test_what_is_said_to_keep_text_keeps_it(database: str, before: str) -> None:
    with psycopg.connect(database) as connection:
        for after in VALUES:
            if before != after and keeps_text(before, after):
                said = f"select format('%%s', x) = format('%%s', x::{after}) from (select %s::text::{before} as x) as v"
                for value in VALUES[before]:
                    same = connection.execute(said.encode(), (value,)).fetchone()
                    assert same == (True,), f"{value!r} from {before} to {after}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("character varying(5)", "character varying(9)"),
        ("character varying(5)", "text"),
        ("numeric(8,2)", "numeric(12,2)"),
        ("integer", "bigint"),
        ("timestamp(3) without time zone", "timestamp without time zone"),
    ],
)
def test_what_products_do_every_day_needs_no_copy(before: str, after: str) -> None:
    assert keeps_text(before, after)
    assert not keeps_text(after, before) or after == "text"
