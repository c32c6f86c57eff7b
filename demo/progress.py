"""How long steps tell how far they are."""

from typing import Protocol


class Progress(Protocol):
    """Called often: keep it cheap. `done` of `total` in the step's own unit (days, tables, events)."""

    def __call__(self, step: str, done: int, total: int) -> None: ...


def silent(step: str, done: int, total: int) -> None:
    """Tell nobody."""
