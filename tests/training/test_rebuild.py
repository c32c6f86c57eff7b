"""From the manifest alone the same rows again, or the same without those who left; anything else is an error."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import training
from tests.training.examples import CUT, DuckDB, warehouse
from tests.training.logged import LOGGED, LOGGED_SPEC
from training import Dataset, DatasetSpec, build_dataset, parse_spec
from training.errors import RebuildError
from training.manifest import read_manifest
from training.rebuild import Rebuilt, rebuild

LEAVES = """
insert into ml.left_out
select distinct request_id, subject_key, 'consent withdrawn', requested_at, known_at from ml.requests
where subject_key in (md5('member3'), md5('member4'));
delete from ml.requests where subject_key in (md5('member3'), md5('member4'));
"""


@pytest.fixture
def logged() -> Iterator[DuckDB]:
    with warehouse() as duck:
        duck.raw.execute(LOGGED)
        yield duck


@pytest.fixture
def spec() -> DatasetSpec:
    return parse_spec(LOGGED_SPEC, "logged.yaml")


@pytest.fixture
def dataset(logged: DuckDB, spec: DatasetSpec, out: Path) -> Dataset:
    return training.open(build_dataset(logged, spec, out=out, cut=CUT).directory)


def again(connection: DuckDB, dataset: Dataset, out: Path) -> Rebuilt:
    return rebuild(connection, dataset.manifest, out=out, cut=CUT, before=dataset.directory)


def test_other_copy_with_other_threads_gives_the_same_hashes_from_the_manifest_alone(
    dataset: Dataset, tmp_path: Path
) -> None:
    alone = tmp_path / "kept.json"
    shutil.copy(dataset.directory / "manifest.json", alone)
    with warehouse(threads=1, pieces=77) as other:
        other.raw.execute(LOGGED)
        other.raw.execute("create or replace table ml.requests as select * from ml.requests order by hash(example_id)")

        rebuilt = rebuild(other, read_manifest(alone), out=tmp_path / "again", cut=CUT)

    assert (rebuilt.id, rebuilt.successor, rebuilt.created) == (dataset.manifest.id, False, True)
    assert rebuilt.files_differing == ()
    files, files_again = (training.open(one).manifest.files for one in (dataset.directory, rebuilt.directory))
    assert {name: file for name, file in files_again.items() if name != "CARD.md"} == {
        name: file for name, file in files.items() if name != "CARD.md"
    }


def test_rebuild_beside_the_dataset_changes_nothing(logged: DuckDB, dataset: Dataset, out: Path) -> None:
    rebuilt = again(logged, dataset, out)

    assert (rebuilt.directory, rebuilt.created) == (dataset.directory, False)
    assert [path.name for path in (out / "logged").iterdir() if path.is_dir()] == [dataset.manifest.id]


def test_who_left_is_missing_from_the_successor_and_nothing_else_is(
    logged: DuckDB, dataset: Dataset, out: Path
) -> None:
    people = dataset.manifest.document["subjects"]["count"]
    logged.raw.execute(LEAVES)

    rebuilt = again(logged, dataset, out)

    assert (rebuilt.successor, rebuilt.created) == (True, True)
    assert dict(rebuilt.left_out) == {"consent withdrawn": 2}
    successor = training.open(rebuilt.directory)
    assert successor.manifest.document["subjects"]["count"] == people - 2
    told = successor.manifest.document["succeeds"]
    assert (told["id"], told["subjects_left_out"]) == (dataset.manifest.id, 2)
    assert told["rows_left_out"] == rebuilt.rows_left_out == sum(dataset.manifest.rows.values()) - rebuilt.rows
    assert successor.manifest.document["boundaries"] == dataset.manifest.document["boundaries"]
    assert not any(len(hashed) > 16 for hashed in told["subjects"])


def test_successor_can_be_rebuilt_in_its_turn(logged: DuckDB, dataset: Dataset, out: Path, tmp_path: Path) -> None:
    logged.raw.execute(LEAVES)
    successor = training.open(again(logged, dataset, out).directory)

    rebuilt = rebuild(logged, successor.manifest, out=tmp_path / "again", cut=CUT)

    assert (rebuilt.id, rebuilt.files_differing) == (successor.manifest.id, ())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "update ml.requests set member_level = 99 where request_number = 200",
            "column 'member_level' differs in 5 rows",
        ),
        (
            "insert into ml.requests select * replace (example_id + 1000000 as example_id) from ml.requests"
            " where request_number = 200 and example_kind = 'impression'",
            "2 rows are new",
        ),
        (
            "delete from ml.requests where example_kind = 'impression' and subject_key = md5('member3')",
            "rows are left of people of whom other rows are gone",
        ),
        (
            "delete from ml.requests where subject_key = md5('member3')",
            "1 of 1 people are gone and ml.left_out does not say",
        ),
    ],
    ids=["value", "new rows", "rows of people who stay", "people without a reason"],
)
def test_any_other_difference_is_refused_by_name(
    logged: DuckDB, dataset: Dataset, out: Path, change: str, message: str
) -> None:
    logged.raw.execute(change)

    with pytest.raises(RebuildError, match=message):
        again(logged, dataset, out)

    assert [path.name for path in (out / "logged").iterdir() if path.is_dir()] == [dataset.manifest.id]


def test_without_the_parts_a_difference_is_told_and_not_guessed(
    logged: DuckDB, dataset: Dataset, tmp_path: Path
) -> None:
    logged.raw.execute(LEAVES)

    with pytest.raises(RebuildError, match=r"train has \d+ rows, had \d+.*only beside its parts"):
        rebuild(logged, dataset.manifest, out=tmp_path / "again", cut=CUT)


def test_part_that_somebody_edited_is_not_blamed_on_the_warehouse(logged: DuckDB, dataset: Dataset, out: Path) -> None:
    part = dataset.directory / "train" / "part-00000.parquet"
    part.chmod(0o644)
    part.write_bytes(part.read_bytes()[:-1] + b"x")
    logged.raw.execute(LEAVES)

    with pytest.raises(training.DatasetChangedError, match=r"train/part-00000\.parquet was changed"):
        again(logged, dataset, out)
