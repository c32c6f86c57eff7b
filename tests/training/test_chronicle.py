"""Which sets were made and which are gone is remembered, whatever was killed or deleted in between."""

from pathlib import Path

import training
from tests.training.examples import CUT, DuckDB
from training import DatasetSpec, build_dataset
from training.chronicle import FILE_NAME, chronicle, write_down


def test_each_set_is_written_down_once(connection: DuckDB, spec: DatasetSpec, out: Path) -> None:
    report = build_dataset(connection, spec, out=out, cut=CUT)
    build_dataset(connection, spec, out=out, cut=CUT)

    [event] = chronicle(out)

    assert (event.event, event.name, event.id) == ("made", "examples", report.id)
    assert (event.rows, event.logical_hash) == (sum(report.rows.values()), report.logical_hash)


def test_deleted_set_stays_in_the_chronicle(connection: DuckDB, spec: DatasetSpec, out: Path) -> None:
    report = build_dataset(connection, spec, out=out, cut=CUT)
    training.remove(report.directory)

    [gone] = write_down(out)

    assert (gone.event, gone.id) == ("gone", report.id)
    assert write_down(out) == []
    build_dataset(connection, spec, out=out, cut=CUT)
    assert [event.event for event in chronicle(out)] == ["made", "gone", "made"]


def test_line_that_was_cut_off_is_written_again(connection: DuckDB, spec: DatasetSpec, out: Path) -> None:
    report = build_dataset(connection, spec, out=out, cut=CUT)
    path = out / FILE_NAME
    path.write_bytes(path.read_bytes()[:-20])
    assert chronicle(out) == []

    write_down(out)

    assert [event.id for event in chronicle(out)] == [report.id]


def test_lost_chronicle_is_made_again_from_the_manifests(connection: DuckDB, spec: DatasetSpec, out: Path) -> None:
    report = build_dataset(connection, spec, out=out, cut=CUT)
    (out / FILE_NAME).unlink()

    write_down(out)

    assert [event.id for event in chronicle(out)] == [report.id]
