"""Pipelines with a selection, and what their tests ask of them."""

from dataclasses import replace
from pathlib import Path

from ingestion.load.service import Loader
from ingestion.postgres.source import WireFormat
from ingestion.proof import prove
from ingestion.selection.hash_key import HashKey
from ingestion.selection.reader import parse_selection
from ingestion.selection.rules import Selection
from ingestion.verify import assert_history_replays
from tests.ingestion.pipeline import Pipeline, pipeline
from tests.ingestion.warehouses import Warehouse

KEY = HashKey(b"a key of thirty-two bytes or more")


def selected(text: str, key: HashKey = KEY) -> Selection:
    return parse_selection(text, key=key)


def piped(database: str, home: Path, warehouse: Warehouse, text: str, wire: WireFormat = "text") -> Pipeline:
    return pipeline(database, home, warehouse=warehouse, selection=selected(text), wire=wire)


def reselect(flux: Pipeline, text: str, key: HashKey = KEY) -> Pipeline:
    return Pipeline(replace(flux.source, selection=selected(text, key)), flux.home, flux.destination)


def reselected(flux: Pipeline, text: str, key: HashKey = KEY) -> Pipeline:
    """Select otherwise, and replicate: the first load asks for the copies that it needs, the second has them."""
    flux = reselect(flux, text, key)
    flux.replicate()
    flux.replicate()
    return flux


def verified(flux: Pipeline) -> None:
    """Source, passed through the selection, and warehouse are equal, and so are histories and mirrors."""
    loader = Loader(flux.home, flux.destination.url, selection=flux.source.selection)
    report = prove(flux.source, loader)
    assert report.equal, [table for table in report.tables if not table.equal]
    with flux.destination.open() as destination:
        assert_history_replays(destination)
    assert flux.query("select source, state from _flux.tables where state <> 'streaming'") == []


def columns(flux: Pipeline, relation: str) -> list[str]:
    schema, _, name = relation.partition(".")
    found = flux.query(
        f"select column_name from information_schema.columns where table_schema = '{schema}' and table_name = '{name}' "
        "order by ordinal_position"
    )
    return [name for (name,) in found if not name.startswith("_")]


def hashed(text: str) -> str:
    return KEY.hash(text)
