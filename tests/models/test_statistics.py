"""What is built next on Postgres is planned with statistics of what was built before."""

from __future__ import annotations

import psycopg
import pytest

pytestmark = pytest.mark.slow


def test_every_table_of_a_build_has_statistics(built_on_postgres: str) -> None:
    with psycopg.connect(built_on_postgres) as connection:
        without = connection.execute(
            """
            select relname from pg_stat_user_tables
            where schemaname in ('intermediate', 'marts', 'reporting', 'ml', 'restricted')
                and last_analyze is null and relname <> 'member_demographics'
            """
        ).fetchall()
    assert without == []
