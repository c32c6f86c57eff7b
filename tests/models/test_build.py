"""The whole project on the small warehouse: builds without a warning, and leaves out what must be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.scheduling import ON_POSTGRES

pytestmark = pytest.mark.slow


@pytest.fixture
def warehouse(built: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(built), read_only=True) as connection:
        connection.execute("SET TimeZone='UTC'")
        yield connection


def test_files_that_share_the_warehouse_on_postgres_go_to_one_process() -> None:
    """Each process of `pytest -n 2` would build it for itself, in half a minute."""
    here = Path(__file__)
    others = {path.name: path.read_text(encoding="utf-8") for path in here.parent.glob("test_*.py") if path != here}
    assert {f"tests/models/{name}" for name, text in others.items() if "built_on_postgres" in text} == {*ON_POSTGRES}


def test_models_land_in_the_schemas_that_their_folders_name(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = warehouse.execute("select distinct table_schema from information_schema.tables").fetchall()
    assert {schema for (schema,) in rows} == {
        *("_flux", "raw_app", "raw_app_history", "raw_segment", "restricted", "restricted_history"),
        *("staging", "intermediate", "marts", "reporting", "ml"),
    }


def test_views_work_whatever_the_file_is_called(built: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"attach '{built}' as elsewhere (read_only)")
        (count,) = connection.execute("select count(*) from elsewhere.staging.stg_app__members").fetchone() or (0,)
    assert count == 24


def test_examples_leave_out_who_withdrew_or_never_consented(warehouse: duckdb.DuckDBPyConnection) -> None:
    consenting = warehouse.execute(
        "select member_id from raw_app.consents where purpose = 'ml_training' and withdrawn_at is null"
    ).fetchall()
    seen = warehouse.execute("select distinct member_id from raw_app.match_impressions").fetchall()
    found = warehouse.execute("select distinct member_id from ml.ml_match_examples_v2").fetchall()
    assert set(found) == set(consenting) & set(seen)
    assert len(set(seen) - set(found)) >= 2
