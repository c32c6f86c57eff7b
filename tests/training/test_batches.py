"""Batches of arrays say what the rows say, and can begin at any batch. Without torch."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import training
from tests.training.examples import CUT, DuckDB
from training import Dataset, DatasetSpec, LoaderError, build_dataset
from training.loader.batches import BatchStream, encode_columns, levels, row_groups
from training.loader.encoding import MISSING, UNSEEN, Arrays
from training.loader.order import Shard

FEATURES = ("number", "small", "exact", "flag", "kind")
SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("number", pa.float64()),
        ("small", pa.int16()),
        ("exact", pa.decimal128(9, 2)),
        ("flag", pa.bool_()),
        ("kind", pa.string()),
        ("label", pa.bool_()),
    ]
)


def rows_of(count: int, start: int = 0, kinds: Sequence[str | None] = ("job", "gig", None, "ab")) -> pa.Table:
    rows = range(start, start + count)
    return pa.table(
        {
            "row": list(rows),
            "at": pa.array([1_767_225_600_000_000 + row for row in rows], pa.timestamp("us", tz="UTC")),
            "number": [None if row % 7 == 0 else row / 8 for row in rows],
            "small": pa.array([row % 5 for row in rows], pa.int16()),
            "exact": [Decimal(row % 100) / 4 for row in rows],
            "flag": [None if row % 11 == 0 else row % 2 == 0 for row in rows],
            "kind": [kinds[row % len(kinds)] for row in rows],
            "label": [None if row % 13 == 0 else row % 3 == 0 for row in rows],
        },
        schema=SCHEMA,
    )


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A train split of two parts with row groups of 100 rows, the last one shorter; valid has a kind of its own."""
    for split, part, table in (
        ("train", 0, rows_of(300)),
        ("train", 1, rows_of(150, start=300)),
        ("valid", 0, rows_of(20, kinds=("job", "new"))),
    ):
        (tmp_path / split).mkdir(exist_ok=True)
        pq.write_table(table, tmp_path / split / f"part-{part:05d}.parquet", row_group_size=100)
    return tmp_path


def stream(
    directory: Path, batch_size: int = 32, seed: int | None = None, window_rows: int = 200, split: str = "train"
) -> BatchStream:
    columns = encode_columns(directory, SCHEMA, FEATURES, ["label"], ["row", "at"], one_label=False, mask=False)
    return BatchStream(directory, split, columns, batch_size, seed, window_rows, row_groups(directory, split))


def places(batches: Sequence[Arrays]) -> list[int]:
    return [int(row) for batch in batches for row in batch["row"]]


def test_a_batch_says_what_the_rows_say(directory: Path) -> None:
    [first, *_] = stream(directory, 100).batches(Shard(0, 1))

    table = rows_of(100)
    for place, name in enumerate(("number", "small", "exact", "flag")):
        wanted = [np.nan if value is None else float(value) for value in table.column(name).to_pylist()]
        np.testing.assert_array_equal(first["features"][:, place], np.array(wanted, np.float32))
    assert first["features"].dtype == np.float32
    assert first["categories"].tolist() == [
        [{"ab": 2, "gig": 3, "job": 4, None: MISSING}[kind]] for kind in table["kind"].to_pylist()
    ]
    labels = [np.nan if value is None else float(value) for value in table["label"].to_pylist()]
    np.testing.assert_array_equal(first["labels"][:, 0], labels)
    assert first["at"][:2].tolist() == [1_767_225_600.0, 1_767_225_600.000001]


def test_rows_that_are_not_mixed_are_not_copied(directory: Path) -> None:
    first, second, *_ = stream(directory, 50).batches(Shard(0, 1))

    assert first["features"].base is second["features"].base is not None


def test_numbers_beyond_float32_and_what_stands_where_a_number_is_missing_do_no_harm(tmp_path: Path) -> None:
    table = pa.table({"number": pa.array([1e300, None, -1e300, 0.5], pa.float64())})
    (tmp_path / "train").mkdir()
    pq.write_table(table, tmp_path / "train" / "part-00000.parquet")
    columns = encode_columns(tmp_path, table.schema, ["number"], [], [], one_label=False, mask=False)
    groups = row_groups(tmp_path, "train")

    [batch] = BatchStream(tmp_path, "train", columns, 9, groups=groups).batches(Shard(0, 1))

    np.testing.assert_array_equal(batch["features"][:, 0], np.array([np.inf, np.nan, -np.inf, 0.5], np.float32))


def test_a_text_that_train_does_not_have_is_unseen(directory: Path) -> None:
    assert levels(directory, "kind") == ("ab", "gig", "job")
    [batch] = stream(directory, split="valid").batches(Shard(0, 1))
    assert batch["categories"][:2, 0].tolist() == [4, UNSEEN]


def test_a_mask_says_where_a_feature_is_known(directory: Path) -> None:
    columns = encode_columns(directory, SCHEMA, ["number"], [], [], one_label=False, mask=True)
    groups = row_groups(directory, "train")
    [first, *_] = BatchStream(directory, "train", columns, 14, groups=groups).batches(Shard(0, 1))

    assert np.flatnonzero(~first["known"][:, 0]).tolist() == [0, 7]
    assert first["features"][[0, 7], 0].tolist() == [0, 0]
    assert set(first) == {"features", "known"}


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("count", [1, 2, 3, 7, 500])
def test_shards_hold_each_row_once_and_make_the_same_sequence(directory: Path, seed: int | None, count: int) -> None:
    whole = places(list(stream(directory, seed=seed).batches(Shard(0, 1), epoch=2)))
    shards = [list(stream(directory, seed=seed).batches(Shard(index, count), epoch=2)) for index in range(count)]

    assert sorted(whole) == list(range(450))
    assert places([batch for shard in shards for batch in shard]) == whole
    assert all(len(batch["row"]) == 32 for shard in shards for batch in shard[:-1])


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("skip", [0, 1, 4, 8, 14, 15, 99])
def test_a_stream_can_begin_at_any_batch(directory: Path, seed: int | None, skip: int) -> None:
    whole = list(stream(directory, seed=seed).batches(Shard(0, 1)))

    rest = list(stream(directory, seed=seed).batches(Shard(0, 1), skip=skip))

    assert [places([batch]) for batch in rest] == [places([batch]) for batch in whole[skip:]]


def test_mixed_rows_come_in_another_order_each_epoch(directory: Path) -> None:
    orders = {
        tuple(places(list(stream(directory, seed=seed).batches(Shard(0, 1), e)))) for seed in (1, 2) for e in (0, 1)
    }

    assert len(orders) == 4
    assert tuple(range(450)) not in orders


def test_a_window_holds_rows_of_several_groups(directory: Path) -> None:
    [first, *_] = stream(directory, 32, seed=3, window_rows=450).batches(Shard(0, 1))

    assert len({row // 100 for row in places([first])}) == 5


@pytest.mark.parametrize(
    ("features", "labels", "context", "problem"),
    [
        (["at"], [], [], "column 'at' has type .*, which cannot be a feature of a loader"),
        ([], ["kind"], [], "column 'kind' has type string, which cannot be a label"),
        ([], [], ["kind"], "column 'kind' has type string, which cannot be a number beside the features"),
    ],
)
def test_what_no_tensor_can_hold_is_named(
    directory: Path, features: list[str], labels: list[str], context: list[str], problem: str
) -> None:
    with pytest.raises(LoaderError, match=problem):
        encode_columns(directory, SCHEMA, features, labels, context, one_label=False, mask=False)


def test_without_torch_it_says_what_to_install(
    connection: DuckDB, spec: DatasetSpec, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset: Dataset = training.open(build_dataset(connection, spec, out=out, cut=CUT).directory)
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    monkeypatch.delitem(__import__("sys").modules, "training.loader.torch_batches", raising=False)

    with pytest.raises(LoaderError, match=r"PyTorch is not installed; run pip install 'flux-data-platform\[torch\]'"):
        dataset.torch("train")
