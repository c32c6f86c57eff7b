"""What this room asks of a warehouse: run one SELECT, give Arrow back, stop when told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa


class Connection(Protocol):
    """A reading connection. Any exception it raises counts as the refusal of that one query."""

    def arrow(self, sql: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        """Run one query and return its whole result."""
        ...

    def interrupt(self) -> None:
        """Stop the query that runs, from another thread; it raises then. Without one nothing happens."""
        ...
