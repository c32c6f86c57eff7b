"""Works meet every piece in order, and an error of one comes out."""

from collections.abc import Iterator

import pytest

from training.overlap import overlapped


def test_every_work_meets_every_piece_in_order() -> None:
    first: list[int] = []
    second: list[int] = []

    assert list(overlapped(range(20), first.append, second.append)) == list(range(20))
    assert first == second == list(range(20))


def test_no_more_than_two_pieces_are_fetched_ahead() -> None:
    done = 0
    most = 0

    def pieces() -> Iterator[int]:
        nonlocal most
        for piece in range(20):
            most = max(most, piece - done)
            yield piece

    for _ in overlapped(pieces(), lambda piece: None):
        done += 1
    assert most <= 3


def test_the_error_of_a_work_ends_it() -> None:
    seen: list[int] = []

    def work(piece: int) -> None:
        seen.append(piece)
        if piece == 3:
            raise ValueError("three")

    with pytest.raises(ValueError, match="three"):
        list(overlapped(range(100), work))
    assert len(seen) < 10


def test_the_error_of_the_pieces_comes_out() -> None:
    def pieces() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        list(overlapped(pieces(), lambda piece: None))
