"""What PyTorch's DataLoader takes: `Dataset.torch(...)`. Imports torch, an optional extra.

    rows = dataset.torch("train", batch_size=4096, label="label_apply_14d", shuffle_seed=7, rank=rank, world=world)
    loader = torch.utils.data.DataLoader(rows, batch_size=None, num_workers=2)   # batches are made by us
    for epoch in range(10):
        rows.set_epoch(epoch)
        for batch in loader:
            batch["features"], batch["categories"], batch["labels"]

Each rank's rows are shared out among its workers: over all of them every row comes once an epoch. Epochs do not
advance by themselves: `set_epoch` says which order is next, as with DistributedSampler.

State: `state_dict` is what was given by iterating here (num_workers=0), or by this worker when torchdata's
StatefulDataLoader asks. With plain DataLoader workers only the process that trains knows how many batches it took, for
workers read ahead: it asks `state_after(batches, workers)`. Both continue at exactly the next batch. What cannot be
continued exactly: another batch size, seed, rank, world or number of workers than the state's; that is an error.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import IterableDataset, get_worker_info

from training.errors import LoaderError
from training.loader.batches import BatchStream
from training.loader.encoding import LABELS, Arrays
from training.loader.handing import Batch, Pieces, tensors_of
from training.loader.order import Shard

State = dict[str, Any]  # Any: plain numbers and words, so that any checkpoint can hold it


class TorchBatches(IterableDataset):  # type: ignore[misc]  # torch is not there when types are checked
    """The batches of one rank. Give it to a DataLoader with batch_size=None, or iterate over it."""

    def __init__(self, stream: BatchStream, dataset_id: str, rank: int, world: int) -> None:
        super().__init__()
        if not 0 <= rank < world:
            raise LoaderError(f"rank {rank} of a world of {world}: ranks begin at 0 and end before the world's size")
        self._stream = stream
        self._rank, self._world = rank, world
        self._loader: State = {
            "dataset": dataset_id,
            "split": stream.split,
            "batch_size": stream.batch_size,
            "shuffle_seed": stream.shuffle_seed,
            "window_rows": stream.window_rows,
            "rank": rank,
            "world": world,
        }
        # Shared memory, so that workers that outlive an epoch see the next one's number.
        self._epoch = torch.zeros(1, dtype=torch.int64).share_memory_()
        self._begin: State | None = None
        self._given = 0
        self._pieces: Pieces | None = None  # a worker's, for as long as it lives

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Columns of `features`, in order."""
        return self._stream.columns.numbers

    @property
    def vocabularies(self) -> dict[str, tuple[str, ...]]:
        """Levels of each column of `categories`, in order; code 0 is NULL, 1 unseen in train, then the levels."""
        return {name: self._stream.columns.vocabularies[name] for name in self._stream.columns.categories}

    @property
    def rows(self) -> int:
        """Rows that this rank gets in an epoch; over the ranks they differ by one at most."""
        start, end = Shard(self._rank, self._world).bounds(self._stream.rows)
        return end - start

    def batches(self, workers: int = 0) -> int:
        """Count the batches that this rank gets in an epoch, with so many workers."""
        return sum(self._counts(max(workers, 1)))

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next: another order when shuffled. Its beginning, unless a state of it was loaded."""
        self._given = 0
        if self._begin is not None and self._begin["epoch"] != epoch:
            self._begin = None
        self._epoch[0] = epoch

    def state_dict(self) -> State:
        """Tell where iterating stands here: in this process, or in this worker."""
        info = get_worker_info()
        worker, workers = (None, 0) if info is None else (info.id, info.num_workers)
        return self._state(self._given, workers, worker)

    def state_after(self, batches: int, workers: int = 0) -> State:
        """Tell where a DataLoader with so many workers stands when it has given so many batches of this epoch."""
        return self._state(batches, workers, None)

    def load_state_dict(self, state: State) -> None:
        """Continue at the batch after the state's; before the DataLoader is iterated. Sets the epoch, too."""
        for key, value in self._loader.items():
            if state["loader"].get(key) != value:
                raise LoaderError(
                    f"the state is of a loader with {key} {state['loader'].get(key)!r}, this one has {value!r};"
                    " make the loader as it was, or begin the epoch anew"
                )
        self._begin = dict(state)
        self._given = int(state["batches"])
        self._epoch[0] = state["epoch"]

    def __iter__(self) -> Iterator[Batch]:
        info = get_worker_info()
        worker, workers = (0, 0) if info is None else (info.id, info.num_workers)
        role, skip = self._place(worker, workers)
        self._given = skip  # from now on, not from the first batch on
        # Where several workers read, each of them does so on one core.
        shard = self._shard(role, max(workers, 1))
        return self._tensors(self._stream.batches(shard, int(self._epoch), skip, threads=workers == 0))

    def _place(self, worker: int, workers: int) -> tuple[int, int]:
        """Say which of the workers' shards this one reads, and how many of its batches were given before."""
        begin = self._begin
        if begin is None or begin["epoch"] != int(self._epoch) or not begin["batches"]:
            return worker, 0
        if begin["workers"] != workers:
            raise LoaderError(
                f"the state was taken with {begin['workers']} workers, this DataLoader has {workers}; give it as"
                " many, or begin the epoch anew"
            )
        if workers == 0 or begin["worker"] is not None:
            return worker, int(begin["batches"])
        # Batches come from the workers in turn. The worker that is asked first takes the shard that is next.
        counts = self._counts(workers)
        given, following = _in_turn(int(begin["batches"]), counts)
        role = (worker + following) % workers
        return role, given[role]

    def _state(self, batches: int, workers: int, worker: int | None) -> State:
        return {
            "loader": dict(self._loader),
            "epoch": int(self._epoch),
            "batches": batches,
            "workers": workers,
            "worker": worker,
        }

    def _shard(self, role: int, roles: int) -> Shard:
        return Shard(self._rank * roles + role, self._world * roles)

    def _counts(self, roles: int) -> list[int]:
        return [self._shard(role, roles).batches(self._stream.rows, self._stream.batch_size) for role in range(roles)]

    def _tensors(self, batches: Iterator[Arrays]) -> Iterator[Batch]:
        if get_worker_info() is not None and self._pieces is None:
            self._pieces = Pieces()
        made = tensors_of if self._pieces is None else self._pieces.batch
        for arrays in batches:
            if self._stream.columns.one_label:
                arrays = arrays | {LABELS: arrays[LABELS][:, 0]}
            self._given += 1
            yield made(arrays)


def _in_turn(batches: int, counts: list[int]) -> tuple[list[int], int]:
    """Say how many of so many batches each has given, taking turns until it has none left, and whose turn is next."""
    rounds = min(counts)  # all take part in these
    if batches < rounds * len(counts):
        whole, rest = divmod(batches, len(counts))
        return [whole + (role < rest) for role in range(len(counts))], rest
    given = [rounds] * len(counts)
    left = batches - sum(given)
    longer = [role for role, count in enumerate(counts) if count > rounds]  # by one batch: shards differ by one row
    for role in longer[:left]:
        given[role] += 1
    return given, longer[left] if left < len(longer) else 0
