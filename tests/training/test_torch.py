"""PyTorch's own DataLoader over a dataset: ranks, workers, epochs, states. `make test-torch`; skipped without torch."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import training
from tests.training.examples import CUT, DuckDB
from training import Dataset, DatasetSpec, LoaderError, build_dataset

torch = pytest.importorskip("torch", reason="torch is an optional extra; make test-torch installs it apart")

# A machine of two cores is warned of three workers.
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")

if TYPE_CHECKING:
    from training.loader.handing import Batch
    from training.loader.torch_batches import TorchBatches


@pytest.fixture
def dataset(connection: DuckDB, spec: DatasetSpec, out: Path) -> Dataset:
    return training.open(build_dataset(connection, spec, out=out, cut=CUT).directory)


def batches_of(dataset: Dataset, **more: Any) -> "TorchBatches":  # Any: options as they come
    options: dict[str, Any] = {"batch_size": 50, "label": "label_click_24h", "context": ["example_id"]}
    return dataset.torch("train", **({"shuffle_seed": 5} | options | more))


def loader_of(rows: "TorchBatches", workers: int, **more: Any) -> Any:  # Any: torch is not there when types are checked
    return torch.utils.data.DataLoader(rows, batch_size=None, num_workers=workers, **more)


def ids(batches: Sequence["Batch"]) -> list[list[int]]:
    return [[int(row) for row in batch["example_id"]] for batch in batches]


def all_ids(dataset: Dataset) -> list[int]:
    found: list[int] = dataset.arrow("train", ["example_id"]).column(0).to_pylist()
    return found


def test_a_batch_is_tensors_that_share_their_memory_with_arrays(dataset: Dataset) -> None:
    rows = batches_of(dataset, shuffle_seed=None)
    first = next(iter(rows))

    assert {name: (tensor.dtype, tuple(tensor.shape)) for name, tensor in first.items()} == {
        "features": (torch.float32, (50, 4)),
        "categories": (torch.int64, (50, 1)),
        "labels": (torch.float32, (50,)),
        "example_id": (torch.float64, (50,)),
    }
    assert rows.feature_names == ("member_level", "skill_coverage", "is_same_org_unit", "member_capacity_hours")
    assert rows.vocabularies == {"opportunity_kind": ("gig", "job", "project")}
    table = dataset.arrow("train").slice(0, 50)
    coverage = torch.tensor([float("nan") if v is None else v for v in table["skill_coverage"].to_pylist()])
    assert torch.equal(first["features"][:, 1].nan_to_num(-1), coverage.nan_to_num(-1))
    assert first["labels"].tolist() == [float(label) for label in table["label_click_24h"].to_pylist()]


@pytest.mark.parametrize("workers", [0, 1, 3])
@pytest.mark.parametrize("world", [1, 2])
def test_over_all_ranks_and_workers_each_row_comes_once(dataset: Dataset, workers: int, world: int) -> None:
    ranks = [batches_of(dataset, rank=rank, world=world) for rank in range(world)]
    given = [ids(list(loader_of(rank, workers))) for rank in ranks]

    assert sorted(row for rank in given for batch in rank for row in batch) == sorted(all_ids(dataset))
    assert [len(rank) for rank in given] == [rank.batches(workers) for rank in ranks]
    assert [sum(map(len, rank)) for rank in given] == [rank.rows for rank in ranks]


def test_a_worker_uses_its_memory_again_and_never_what_somebody_still_has(dataset: Dataset) -> None:
    from training.loader import handing

    rows = batches_of(dataset, batch_size=20, context=["example_id"])
    expected = [batch["example_id"].clone() for batch in rows]
    kept, seen = [], []
    for number, batch in enumerate(loader_of(rows, 1)):
        seen.append(batch["example_id"].clone())
        if number % 9 == 0:  # a view, long after its batch is gone
            kept.append((number, batch["features"][3:5], batch["example_id"][-2:]))
        del batch
    pieces = [len(known) for known in handing._received_pieces.values()]

    assert all(torch.equal(one, other) for one, other in zip(seen, expected, strict=True))
    whole = list(rows)
    for number, features, row in kept:
        assert torch.equal(row, expected[number][-2:])
        assert torch.equal(features.nan_to_num(-1), whole[number]["features"][3:5].nan_to_num(-1))
    assert max(pieces) <= len(kept) + 5 < len(expected)


def test_all_batches_of_an_epoch_can_be_kept(dataset: Dataset) -> None:
    rows = batches_of(dataset, batch_size=20)
    given = list(loader_of(rows, 1))

    assert len(given) > 2 * 16
    assert ids(given) == ids(list(rows))


def test_what_a_worker_changes_or_keeps_arrives_as_it_was_then(dataset: Dataset) -> None:
    rows = batches_of(dataset, batch_size=20)
    expected = ids(list(rows))

    class Changed(torch.utils.data.IterableDataset):  # type: ignore[misc, name-defined]  # as TorchBatches
        def __iter__(self) -> Any:
            before = None
            for batch in rows:
                if before is not None:
                    yield {"example_id": before["example_id"][:1]}
                batch["twice"] = batch["example_id"] * 2
                yield batch
                before = batch

    given = list(loader_of(Changed(), 1))
    assert ids(given[::2]) == expected
    assert [[int(row) for row in batch["twice"]] for batch in given[::2]] == [[2 * i for i in it] for it in expected]
    assert ids(given[1::2]) == [one[:1] for one in expected[:-1]]


def test_workers_that_stay_see_the_next_epoch(dataset: Dataset) -> None:
    rows = batches_of(dataset)
    loader = loader_of(rows, 2, persistent_workers=True)
    orders = []
    for epoch in (0, 1, 0):
        rows.set_epoch(epoch)
        orders.append(ids(list(loader)))

    assert orders[0] == orders[2] != orders[1]
    assert sorted(chain(*orders[0])) == sorted(chain(*orders[1]))


@pytest.mark.parametrize("taken", [0, 1, 5, 17, 21, 22])
def test_iterating_here_continues_at_the_next_batch(dataset: Dataset, taken: int) -> None:
    rows = batches_of(dataset)
    rows.set_epoch(3)
    whole = ids(list(rows))
    walk = iter(rows)
    for _ in range(taken):
        next(walk)
    state = rows.state_dict()

    again = batches_of(dataset)
    again.load_state_dict(state)

    assert ids(list(loader_of(again, 0))) == whole[taken:]
    again.set_epoch(4)
    assert sum(map(len, ids(list(again)))) == rows.rows


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("taken", [1, 4, 7, 20, 22, 23])
def test_workers_continue_at_the_next_batch(dataset: Dataset, workers: int, taken: int) -> None:
    rows = batches_of(dataset, batch_size=49)
    rows.set_epoch(1)
    whole = ids(list(loader_of(rows, workers)))
    state = rows.state_after(min(taken, len(whole)), workers)

    again = batches_of(dataset, batch_size=49)
    again.load_state_dict(state)
    again.set_epoch(1)  # as a loop over epochs does

    assert ids(list(loader_of(again, workers))) == whole[taken:]


def test_a_state_of_another_loader_is_refused(dataset: Dataset) -> None:
    state = batches_of(dataset).state_after(3)

    with pytest.raises(LoaderError, match="with batch_size 50, this one has 64"):
        batches_of(dataset, batch_size=64).load_state_dict(state)
    rows = batches_of(dataset)
    rows.load_state_dict(state)
    with pytest.raises(LoaderError, match="taken with 0 workers, this DataLoader has 2"):
        list(loader_of(rows, 2))
    with pytest.raises(LoaderError, match="rank 2 of a world of 2"):
        batches_of(dataset, rank=2, world=2)


@pytest.mark.filterwarnings("ignore:'set_vital' is deprecated:UserWarning")  # torchdata 0.11 on torch 2.13
@pytest.mark.parametrize("workers", [0, 2])
def test_stateful_data_loader_continues_at_the_next_batch(dataset: Dataset, workers: int) -> None:
    stateful = pytest.importorskip("torchdata.stateful_dataloader", reason="torchdata is not here")

    def loader() -> Any:  # Any: as in loader_of
        return stateful.StatefulDataLoader(batches_of(dataset), batch_size=None, num_workers=workers)

    whole = ids(list(loader()))
    first = loader()
    walk = iter(first)
    for _ in range(5):
        next(walk)
    second = loader()
    second.load_state_dict(first.state_dict())

    assert ids(list(second)) == whole[5:]
