"""What is selected is proved in the form in which it lands, and repaired in it."""

from pathlib import Path

from ingestion.load.service import Loader
from ingestion.proof import prove
from ingestion.verify import VerifyReport
from tests.ingestion.pipeline import Pipeline
from tests.ingestion.selections import KEY, piped
from tests.ingestion.verifying import tamper
from tests.ingestion.warehouses import Warehouse

SELECTED = """
tables:
  public.people:
    columns: {id: public, email: {class: personal, treatment: hash}, name: personal, born: protected}
  public.places:
    columns: {id: public, city: public, owner: personal}
    rows: id > 100
"""


def proved(flux: Pipeline, *, repair: bool = False) -> VerifyReport:
    return prove(flux.source, Loader(flux.home, flux.destination.url, selection=flux.source.selection), repair=repair)


def test_hashed_split_and_filtered_tables_are_proved_and_repaired(
    database: str, tmp_path: Path, warehouse: Warehouse
) -> None:
    flux = piped(database, tmp_path, warehouse, SELECTED)
    flux.execute(
        "create table people (id int primary key, email text, name text, born date)",
        "create table places (id int primary key, owner text, city text)",
        "insert into people select i, 'm' || i || '@x.org', 'n', date '1990-01-01' + i from generate_series(1, 9) as i",
        "insert into places select i, 'somebody', 'c' || i from generate_series(95, 120) as i",
    )
    flux.replicate()

    found = {table.relation: table for table in proved(flux).tables}

    assert all(table.equal for table in found.values())
    assert {name: table.way for name, table in found.items()} == {
        "raw_app.people": "values",
        "restricted.people": "checksum",
        "raw_app.places": "checksum",
    }
    assert found["raw_app.places"].rows_source == 20

    tamper(
        flux,
        "update raw_app.people set email = 'm2@x.org' where id = 2",
        "delete from restricted.people where id = 3",
        "update raw_app.places set city = 'elsewhere' where id = 110",
    )
    report = proved(flux, repair=True)

    assert (report.equal, report.right) == (False, True)
    assert [table.differing_keys for table in report.tables] == [1, 1, 1]
    assert flux.query("select email from raw_app.people where id = 2") == [(KEY.hash("m2@x.org"),)]
    assert proved(flux).equal
