"""Kept facts along more increments than tests/models/test_kept_facts.py has time for, on both warehouses."""

from __future__ import annotations

from pathlib import Path

from demo.server import Server
from tests.models.dbt_runs import DbtProcess, in_a_file
from tests.models.test_kept_facts import along, check, on_postgres
from tests.once import Once


def test_along_many_increments_every_kept_fact_equals_its_full_build(tmp_path: Path, parsed: Path) -> None:
    check(along(tmp_path, in_a_file(parsed), 3, 18))


def test_the_same_of_facts_on_postgres(tmp_path: Path, postgres_server: Server, once: Once, dbt: DbtProcess) -> None:
    with on_postgres("many_increments", postgres_server, once, dbt) as environment:
        check(along(tmp_path, environment, 4, 14))
