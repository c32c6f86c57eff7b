"""What a bigquery:// URL may say; names."""

import pytest

from ingestion.errors import WarehouseError
from ingestion.warehouse.bigquery.names import spell
from ingestion.warehouse.urls import BigqueryPlace, bigquery_place


def test_a_url_names_project_prefix_and_limits() -> None:
    assert bigquery_place("bigquery://acme-data") == BigqueryPlace("acme-data")
    found = bigquery_place("bigquery://acme-data/flux_?location=EU&job_bytes=5&day_bytes=6")
    assert found == BigqueryPlace("acme-data", "flux_", "EU", 5, 6)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("bigquery:///x", "id of a project"),
        ("bigquery://acme/a-b", "letters, digits and _"),
        ("bigquery://acme/a/b", "letters, digits and _"),
        ("bigquery://acme?region=EU", "not 'region'"),
        ("bigquery://acme?job_bytes=1TB", "a number of bytes"),
    ],
)
def test_a_url_that_cannot_be_meant_says_what_is_wanted(url: str, words: str) -> None:
    with pytest.raises(WarehouseError, match=words):
        bigquery_place(url)


def test_names_are_spelled_as_bigquery_takes_them() -> None:
    names = {
        "id": "id",
        "Größe": "Gr__e",
        "1st": "x1st",
        "": "x",
        "_PARTITIONTIME": "x_PARTITIONTIME",
        "a b.c": "a_b_c",
    }
    assert {name: spell(name) for name in names} == names
    assert len(spell("n" * 500)) == 290
