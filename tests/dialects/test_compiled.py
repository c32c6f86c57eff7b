"""Every model and test compiles for BigQuery and Snowflake, into statements that their manuals allow.

Nothing is run there: see grammar.py for what is checked, `make test-dialects` for the same through their own adapters.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.dialects.grammar import faults
from tests.dialects.run import PROJECT, compile_project, statements

pytestmark = pytest.mark.slow
WAREHOUSES = ("bigquery", "snowflake")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("dialects")
    compile_project(home, *WAREHOUSES)
    return home


@pytest.mark.parametrize("warehouse", WAREHOUSES)
def test_every_model_and_test_is_in_the_warehouses_dialect(compiled: Path, warehouse: str) -> None:
    found = {place: faults(sql, warehouse) for place, sql in statements(compiled, warehouse).items()}
    assert {place: wrong for place, wrong in found.items() if wrong} == {}
    names = {Path(place).stem for place in found}
    assert {path.stem for path in [*(PROJECT / "models").rglob("*.sql"), *(PROJECT / "tests").glob("*.sql")]} <= names


@pytest.mark.parametrize("warehouse", WAREHOUSES)
def test_incremental_models_are_compiled_as_of_a_later_build_too(compiled: Path, warehouse: str) -> None:
    found = statements(compiled, warehouse)
    # Kept facts (strategy changed_keys) note nothing there and are made anew: their SQL is that of a first build.
    again = [place for place in found if place.startswith("again/") and place.endswith("/int_identity_edges.sql")]
    assert again
    assert [place for place in again if found[place] == found[place.replace("again/", "first/", 1)]] == []


def test_models_take_the_lesser_and_the_greater_through_macros() -> None:
    """In BigQuery and Snowflake least and greatest are NULL as soon as one value is."""
    bare = re.compile(r"(?<!\w)(least|greatest)\(")
    models = [*(PROJECT / "models").rglob("*.sql"), *(PROJECT / "tests").rglob("*.sql")]
    assert [path.stem for path in models if bare.search(path.read_text(encoding="utf-8"))] == []
