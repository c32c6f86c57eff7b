"""Hands batches from a DataLoader's worker to the process that trains, in memory that both have. Imports torch.

PyTorch makes new shared memory for each tensor of each batch, copies into it and passes its descriptor through a
socket, which costs a worker more than to read and encode the rows. Here a worker copies a batch into a piece of memory
that is there already, and tells where it lies. A piece is used again when nobody has an array of it any more: a weak
reference tells so of the worker, and of the process that trains a mark in its first byte, set when it is sent and
cleared when its last tensor is gone. While all pieces are in use, batches go PyTorch's own way.

To its user a batch is a dict of tensors, as without workers. One that was changed on its way is sent as PyTorch sends
any dict.
"""

import itertools
import multiprocessing
import os
import weakref
from collections.abc import Mapping
from multiprocessing.reduction import ForkingPickler
from typing import Any, Final

import numpy as np
import torch

from training.loader.encoding import Array, Arrays

Batch = dict[str, torch.Tensor]
Layout = list[tuple[str, str, tuple[int, ...], int]]  # name, kind of number, shape, first byte

MOST_PIECES: Final = 16  # of a worker: so many of its batches may be under way or in use
_LINE_BYTES: Final = 64
_numbers = itertools.count()


class Piece:
    """Memory that two processes have, known to both by a number: a line with the mark, then the arrays of one batch."""

    def __init__(self, number: int, memory: torch.Tensor) -> None:
        self.number, self._memory = number, memory
        self._bytes: Array = memory.numpy()
        self._lent: weakref.ref[Array] | None = None
        self._is_known = False

    def fits(self, size_bytes: int) -> bool:
        """Whether it is large enough, and no array of it is left: neither here nor where it was sent."""
        here = None if self._lent is None else self._lent()
        return here is None and not self._bytes[0] and len(self._bytes) >= size_bytes

    def lend(self, layout: Layout) -> Arrays:
        """Give arrays in it; it is free again when they are gone."""
        whole = self._whole()
        self._lent = weakref.ref(whole)
        return _arrays(whole, layout)

    def send(self) -> torch.Tensor | None:
        """Mark it as sent; give its memory where the other process does not have it yet."""
        self._bytes[0] = 1
        known, self._is_known = self._is_known, True
        return None if known else self._memory

    def receive(self, layout: Layout) -> Arrays:
        """Give the arrays that were sent in it; clears the mark when the last of them is gone."""
        whole = self._whole()
        weakref.finalize(whole, _clear, self._bytes, os.getpid())
        return _arrays(whole, layout)

    def _whole(self) -> Array:
        """All of it, as an object of its own; each array and tensor that is made of it holds that object."""
        whole: Array = np.frombuffer(self._bytes.data, np.uint8)
        return whole


class Handed(dict[str, torch.Tensor]):
    """A batch in a piece. It is sent by its place as long as it is what it was when it was made, and once."""

    def __init__(
        self, tensors: Mapping[str, torch.Tensor], piece: Piece | None = None, layout: Layout | None = None
    ) -> None:
        super().__init__(tensors)
        self._made = _Made(piece, layout or [], dict(tensors)) if piece is not None else None

    def __copy__(self) -> "Handed":  # a DataLoader copies each batch, and puts the same tensors into the copy
        copied = Handed(self)
        copied._made = self._made
        return copied

    def __reduce__(self) -> tuple[Any, ...]:  # Any: as pickle has it
        return dict, (dict(self),)

    def sent(self) -> tuple[Any, ...]:
        """Reduce it for the process that trains."""
        made = self._made
        tensors = {} if made is None else made.tensors
        same = self.keys() == tensors.keys() and all(self[name] is tensor for name, tensor in tensors.items())
        if made is None or not same:
            return self.__reduce__()
        made.tensors = {}
        return _received, (os.getpid(), made.piece.number, made.piece.send(), made.layout)


class _Made:
    """What a batch was when it was made; its tensors until it is sent."""

    __slots__ = ("layout", "piece", "tensors")

    def __init__(self, piece: Piece, layout: Layout, tensors: Batch) -> None:
        self.piece, self.layout, self.tensors = piece, layout, tensors


class Pieces:
    """The pieces of a worker."""

    def __init__(self) -> None:
        self._pieces: list[Piece] = []

    def batch(self, arrays: Arrays) -> Batch:
        """Make a batch of arrays."""
        layout, size = _laid_out(arrays)
        piece = next((piece for piece in self._pieces if piece.fits(size)), None)
        if piece is None:
            if len(self._pieces) == MOST_PIECES:
                return tensors_of(arrays)
            piece = Piece(next(_numbers), torch.zeros(size, dtype=torch.uint8).share_memory_())
            self._pieces.append(piece)
        lent = piece.lend(layout)
        for name, array in arrays.items():
            np.copyto(lent[name], array)
        return Handed(tensors_of(lent), piece, layout)


def tensors_of(arrays: Arrays) -> Batch:
    """Give arrays as tensors that share their memory."""
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


_received_pieces: dict[int, dict[int, Piece]] = {}  # by worker, then number


def _received(worker: int, number: int, memory: torch.Tensor | None, layout: Layout) -> Batch:
    """Make a batch of what a worker tells; runs where its message is unpickled."""
    if memory is not None:
        if worker not in _received_pieces:
            alive = {child.pid for child in multiprocessing.active_children()}
            for gone in [known for known in _received_pieces if known not in alive]:
                _received_pieces.pop(gone, None)
        _received_pieces.setdefault(worker, {})[number] = Piece(number, memory)
    return tensors_of(_received_pieces[worker][number].receive(layout))


def _clear(memory: Array, process: int) -> None:
    if os.getpid() == process:  # not in a fork of it, which has the same objects and not the same user
        memory[0] = 0


def _laid_out(arrays: Arrays) -> tuple[Layout, int]:
    """Say where each array begins, behind the mark, and how many bytes all of them take."""
    layout: Layout = []
    end = _LINE_BYTES
    for name, array in arrays.items():
        layout.append((name, array.dtype.str, array.shape, end))
        end += -(-array.nbytes // _LINE_BYTES) * _LINE_BYTES
    return layout, end


def _arrays(whole: Array, layout: Layout) -> Arrays:
    made: Arrays = {}
    for name, kind, shape, first in layout:
        size = int(np.prod(shape)) * np.dtype(kind).itemsize
        made[name] = whole[first : first + size].view(kind).reshape(shape)
    return made


ForkingPickler.register(Handed, Handed.sent)
