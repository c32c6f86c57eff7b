"""Opening, reading and proving a finished dataset."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

import training
from tests.training.examples import CUT, DuckDB
from training import Dataset, DatasetChangedError, DatasetNotFoundError, DatasetSpec, build_dataset
from training.directory import remove
from training.manifest import manifest_text


@pytest.fixture
def dataset(connection: DuckDB, spec: DatasetSpec, out: Path) -> Dataset:
    return training.open(build_dataset(connection, spec, out=out, cut=CUT).directory)


def rewrite(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)


def test_verify_of_an_untouched_dataset_counts_what_it_read(dataset: Dataset) -> None:
    verification = dataset.verify()

    assert verification.rows == sum(dataset.manifest.rows.values())
    assert verification.files == 5


def test_verify_names_the_file_that_changed(dataset: Dataset) -> None:
    part = dataset.directory / "valid" / "part-00000.parquet"
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    rewrite(part, bytes(content))

    with pytest.raises(DatasetChangedError, match=r"valid/part-00000\.parquet was changed") as caught:
        dataset.verify()
    assert caught.value.paths == ("valid/part-00000.parquet",)


def test_verify_names_missing_and_foreign_files(dataset: Dataset) -> None:
    for directory in (dataset.directory, dataset.directory / "test"):
        directory.chmod(0o755)
    (dataset.directory / "test" / "part-00000.parquet").unlink()
    (dataset.directory / "test" / "part-00001.parquet").write_bytes(b"")

    with pytest.raises(DatasetChangedError) as caught:
        dataset.verify()
    assert caught.value.paths == ("test/part-00000.parquet", "test/part-00001.parquet")


def test_edited_manifest_shows_at_opening(dataset: Dataset) -> None:
    path = dataset.directory / "manifest.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["exclusions"] = {}
    rewrite(path, json.dumps(document).encode())

    with pytest.raises(DatasetChangedError, match=r"manifest\.json was edited"):
        training.open(dataset.directory)


def test_manifest_of_other_rows_shows_even_with_a_fitting_digest(dataset: Dataset) -> None:
    path = dataset.directory / "manifest.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["logical_hash"] = "0" * 64
    rewrite(path, manifest_text({key: value for key, value in document.items() if key != "digest"}).encode())

    with pytest.raises(DatasetChangedError, match="does not describe these rows"):
        training.open(dataset.directory).verify()


def test_arrow_gives_the_rows_in_order_and_the_columns_asked_for(dataset: Dataset) -> None:
    table = dataset.arrow("train", ["requested_at", "example_id"])

    assert table.column_names == ["requested_at", "example_id"]
    assert table.column("requested_at").type == pa.timestamp("us", tz="UTC")
    rows = table.to_pylist()
    assert rows == sorted(rows, key=lambda row: (row["requested_at"], row["example_id"]))


def test_pandas_keeps_unknown_labels_apart_from_false(dataset: Dataset) -> None:
    frame = dataset.pandas("test")

    assert str(frame["label_apply_5d"].dtype) == "boolean"
    assert frame["label_apply_5d"].isna().sum() == dataset.arrow("test").column("label_apply_5d").null_count > 0
    assert list(frame[list(dataset.features)].columns) == list(dataset.features)


def test_pandas_has_a_type_of_its_own_for_each_kind_of_column(dataset: Dataset) -> None:
    frame = dataset.pandas("train")

    assert {name: str(frame[name].dtype) for name in (*dataset.features, "example_id", "requested_at")} == {
        "opportunity_kind": "str",
        "member_level": "Int16",
        "skill_coverage": "float64",
        "is_same_org_unit": "boolean",
        "member_capacity_hours": "object",
        "example_id": "Int64",
        "requested_at": "datetime64[us, UTC]",
    }
    table = dataset.arrow("train")
    assert frame["member_capacity_hours"].tolist() == table.column("member_capacity_hours").to_pylist()
    assert frame["skill_coverage"].isna().sum() == table.column("skill_coverage").null_count > 0


def test_wrong_split_and_column_are_named_with_the_nearest(dataset: Dataset) -> None:
    with pytest.raises(DatasetNotFoundError, match="no split 'tests'; did you mean 'test'"):
        dataset.arrow("tests")
    with pytest.raises(DatasetNotFoundError, match="no column 'member_levl'; did you mean 'member_level'"):
        dataset.arrow("test", ["member_levl"])


@pytest.mark.parametrize("form", ["{name}/{id}", "{name}/{short}", "{id}", "{short}"])
def test_dataset_opens_by_name_and_id(dataset: Dataset, out: Path, form: str) -> None:
    text = form.format(name="examples", id=dataset.manifest.id, short=dataset.manifest.id[:6])

    assert training.open(text, datasets=out).directory == dataset.directory


def test_dataset_is_looked_for_where_flux_puts_it(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "datasets").symlink_to(dataset.directory.parents[1])
    monkeypatch.setenv("FLUX_HOME", str(tmp_path / "home"))

    assert training.open(dataset.manifest.id[:6]).manifest.id == dataset.manifest.id


def test_unknown_id_lists_what_there_is(dataset: Dataset, out: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match=f"no dataset 'zzz'.*examples/{dataset.manifest.id}"):
        training.open("zzz", datasets=out)


def test_registry_lists_datasets_and_says_which_cannot_be_trusted(dataset: Dataset, out: Path) -> None:
    [entry] = training.entries(out)
    assert (entry.name, entry.id, entry.problem) == ("examples", dataset.manifest.id, None)
    assert entry.rows == sum(dataset.manifest.rows.values())

    rewrite(dataset.directory / "manifest.json", b"{")
    [entry] = training.entries(out)
    assert "is not JSON any more" in (entry.problem or "")


def test_removed_dataset_is_gone(dataset: Dataset, out: Path) -> None:
    training.remove(dataset.directory)

    assert training.entries(out) == []
    with pytest.raises(DatasetNotFoundError, match="nothing was deleted"):
        training.remove(out)


def test_read_only_tree_can_be_removed(dataset: Dataset, out: Path) -> None:
    remove(out)

    assert not out.exists()
