"""An export says what the dataset says, whole or not at all."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
import yaml
from pyarrow import csv

import training
from tests.training.examples import CUT, SPEC, DuckDB
from tests.training.recbole_files import read_atomic
from training import Dataset, FormatError, build_dataset, parse_spec
from training.formats import FORMATS

TEXTS = ("plain", "", 'a "quoted" one', "two\nlines", "comma, tab\t", "ünï")
Make = Callable[..., Dataset]


@pytest.fixture
def make(connection: DuckDB, out: Path) -> Make:
    """Build the examples with an opportunity and a text of one's own, as the column opportunity_kind."""

    def build(kind: str = "opportunity_kind") -> Dataset:
        connection.raw.execute(
            "create table ml.matches as select * exclude (opportunity_kind), example_id % 41 as opportunity_id,"
            f" 'client ' || (example_id % 97 % 3) as client_id, {kind} as opportunity_kind from ml.examples"
        )
        document = SPEC | {
            "relation": "ml.matches",
            "context": ["shown_at", "subject_key", "opportunity_id", "client_id"],
        }
        return training.open(build_dataset(connection, parse_spec(document, "matches"), out=out, cut=CUT).directory)

    return build


def odd(texts: tuple[str, ...]) -> str:
    listed = ", ".join("'" + text.replace("'", "''") + "'" for text in texts)
    return f"([{listed}, null])[1 + example_id % {len(texts) + 1}]"


def test_arrow_files_hold_the_rows_and_are_read_without_a_copy(make: Make) -> None:
    dataset = make(odd(TEXTS))
    report = training.export(dataset, "arrow")

    assert report.files == ("test.arrow", "train.arrow", "valid.arrow")
    assert report.rows == sum(dataset.manifest.rows.values())
    for split in dataset.manifest.rows:
        before = pa.total_allocated_bytes()
        with pa.memory_map(str(report.directory / f"{split}.arrow")) as source:
            table = pa.ipc.open_file(source).read_all()
            assert pa.total_allocated_bytes() - before < 100_000
            assert table.equals(dataset.arrow(split))


def test_csv_tells_missing_from_empty_and_gives_the_same_values_again(make: Make) -> None:
    dataset = make(odd(TEXTS))
    report = training.export(dataset, "csv")

    for split in dataset.manifest.rows:
        wanted = dataset.arrow(split)
        options = csv.ConvertOptions(
            column_types=wanted.schema,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            timestamp_parsers=[csv.ISO8601],
        )
        parse = csv.ParseOptions(newlines_in_values=True)
        found = csv.read_csv(report.directory / f"{split}.csv", convert_options=options, parse_options=parse)
        assert found.equals(wanted)


def test_recbole_reads_interactions_users_and_items(make: Make) -> None:
    dataset = make()
    report = training.export(dataset, "recbole", label="label_apply_5d")

    config = yaml.safe_load((report.directory / "recbole.yaml").read_text(encoding="utf-8"))
    files = report.directory / "examples"
    left_out = 0
    for split in config["benchmark_filename"]:
        found = read_atomic(files / f"examples.{split}.inter")
        rows = dataset.arrow(split)
        known = rows.filter(rows["label_apply_5d"].is_valid())
        left_out += rows.num_rows - known.num_rows
        assert list(found.columns) == [
            *(config[f"{field}_FIELD"] for field in ("USER_ID", "ITEM_ID", "TIME", "LABEL")),
            *dataset.features,
        ]
        assert found["user_id"].tolist() == known["subject_key"].to_pylist()
        assert found["item_id"].tolist() == [str(item) for item in known["opportunity_id"].to_pylist()]
        assert found["timestamp"].tolist() == [at.timestamp() for at in known["requested_at"].to_pylist()]
        assert found["label"].tolist() == [float(label) for label in known["label_apply_5d"].to_pylist()]
        coverage = [None if pd.isna(value) else value for value in found["skill_coverage"]]
        assert coverage == known["skill_coverage"].to_pylist()
        assert set(found["is_same_org_unit"]) == {"true", "false"}
    assert left_out > 0
    assert report.left_out == {"label_apply_5d not known": left_out}
    users, items = (read_atomic(files / f"examples.{suffix}") for suffix in ("user", "item"))
    assert list(users.columns) == ["user_id", "client_id"]
    assert users["user_id"].is_unique
    assert list(items.columns) == ["item_id"]  # an item here is of several clients: then it says none
    assert items["item_id"].is_unique


def test_recbole_gets_no_column_that_is_not_a_feature(make: Make) -> None:
    report = training.export(make(), "recbole")

    header = (report.directory / "examples" / "examples.train.inter").read_text(encoding="utf-8").splitlines()[0]
    assert "shown_at" not in header
    assert "label_apply_5d" not in header


@pytest.mark.parametrize("text", ["a\tb", "a\nb", 'a"b', "NA", "null", ""])
def test_a_text_that_recbole_would_read_as_another_is_refused_and_not_shown(make: Make, text: str) -> None:
    dataset = make(odd((text,)))

    with pytest.raises(FormatError, match="column 'opportunity_kind' has a text") as caught:
        training.export(dataset, "recbole")
    assert len(text) < 2 or repr(text) not in str(caught.value)
    assert not list(dataset.directory.parent.glob("*.recbole"))


def test_recbole_needs_users_items_and_a_label_that_is_one(make: Make, connection: DuckDB, out: Path) -> None:
    with pytest.raises(FormatError, match="'member_level' is no label of 'examples'; it has label_click_24h"):
        training.export(make(), "recbole", label="member_level")
    plain = training.open(build_dataset(connection, parse_spec(SPEC, "examples"), out=out, cut=CUT).directory)
    with pytest.raises(FormatError, match="has no 'opportunity_id'"):
        training.export(plain, "recbole")


@pytest.mark.parametrize("format", FORMATS)
def test_an_export_is_made_once_and_anew_when_it_was_touched(make: Make, format: str) -> None:
    dataset = make()
    first = training.export(dataset, format)
    second = training.export(dataset, format)

    assert (first.created, second.created) == (True, False)
    assert first.directory == dataset.directory.with_name(f"{dataset.manifest.id}.{format}")
    path = first.directory / first.files[0]
    before = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(b"edited")
    assert training.export(dataset, format).created
    assert path.read_bytes() == before
    paper = json.loads((first.directory / "export.json").read_text(encoding="utf-8"))
    assert paper["logical_hash"] == dataset.manifest.logical_hash


def test_an_export_goes_where_it_is_told_and_never_over_something_else(make: Make, tmp_path: Path) -> None:
    dataset = make()
    assert training.export(dataset, "csv", tmp_path / "there" / "mine").directory == tmp_path / "there" / "mine"

    (tmp_path / "notes").mkdir()
    with pytest.raises(FormatError, match="exists and is no export of Flux"):
        training.export(dataset, "csv", tmp_path / "notes")
    with pytest.raises(FormatError, match="no format is called 'cvs'; there are arrow, csv, recbole"):
        training.export(dataset, "cvs")


def test_exports_are_no_datasets_and_go_with_theirs(make: Make, out: Path) -> None:
    dataset = make()
    report = training.export(dataset, "csv")

    assert [entry.id for entry in training.entries(out)] == [dataset.manifest.id]
    training.remove(dataset.directory)
    assert not report.directory.exists()
