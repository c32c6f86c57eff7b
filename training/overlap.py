"""Several works on the same pieces, beside the fetching of the next piece.

An engine, a Parquet writer and a hash can each keep a core busy and let others run meanwhile; one after another they
would take the sum of their times.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, TypeVar

Piece = TypeVar("Piece")

_AHEAD = 2  # pieces that are fetched and not worked through yet


def overlapped(pieces: Iterable[Piece], *works: Callable[[Piece], Any]) -> Iterator[Piece]:  # Any: results are not kept
    """Give every piece to every work, and yield it once all are done with it.

    Each work has a thread of its own and meets the pieces in their order. The first error ends it all, once the works
    that have begun are done.
    """
    with ExitStack() as stack:
        threads = [stack.enter_context(ThreadPoolExecutor(1)) for _ in works]
        waiting: deque[tuple[Piece, list[Future[Any]]]] = deque()
        stack.callback(lambda: [future.cancel() for _, futures in waiting for future in futures])
        for piece in pieces:
            waiting.append((piece, [thread.submit(work, piece) for thread, work in zip(threads, works, strict=True)]))
            if len(waiting) > _AHEAD:
                yield _done(waiting)
        while waiting:
            yield _done(waiting)


def _done(waiting: deque[tuple[Piece, list[Future[Any]]]]) -> Piece:
    piece, futures = waiting[0]
    for future in futures:
        future.result()
    waiting.popleft()
    return piece
