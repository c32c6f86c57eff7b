"""Ask a card's query: not for ever, and with words for a refusal in which no cell's value can be."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from dashboards.connection import Connection
from dashboards.errors import CardQueryError
from dashboards.model import Card

STOP_AFTER = 30
"""A query is stopped after so many times its card's budget, so that one card never holds up a build."""
# Refusals whose text names columns and relations; others may quote cell values and are told by their kind alone.
_SAFE_KINDS = frozenset({"BinderException", "CatalogException", "ParserException", "UndefinedTable", "UndefinedColumn"})
_SAFE_STATES = frozenset({"42P01", "42703", "42883", "42501"})  # of Postgres: no such thing, or no right to it


@dataclass(frozen=True, slots=True)
class Asking:
    """A connection for one card. Raises CardQueryError for a query that was stopped, else what the warehouse raises."""

    connection: Connection
    card: Card

    def arrow(self, sql: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        """Run one query and return its whole result."""
        stopped = threading.Event()
        seconds = STOP_AFTER * self.card.budget_seconds

        def stop() -> None:
            stopped.set()
            self.connection.interrupt()

        timer = threading.Timer(seconds, stop)
        timer.daemon = True
        timer.start()
        try:
            return self.connection.arrow(sql, parameters)
        except Exception as error:
            if not stopped.is_set():
                raise
            raise CardQueryError(
                f"the query was stopped after {seconds:g} s, {STOP_AFTER} times its budget; make it read less,"
                " or give the card more 'budget_seconds'",
                card=self.card.key,
            ) from error
        finally:
            timer.cancel()

    def interrupt(self) -> None:
        """Stop the query that runs."""
        self.connection.interrupt()


def refusal(error: Exception) -> str:
    """Say why a query failed, in one line: in the warehouse's words where these only name columns and relations."""
    if isinstance(error, CardQueryError):
        return error.message
    cause: BaseException = getattr(error, "orig", None) or error.__cause__ or error
    kind = type(cause).__name__
    if kind not in _SAFE_KINDS and getattr(cause, "sqlstate", None) not in _SAFE_STATES:
        return f"the query failed ({kind})"
    said = str(cause).rpartition("ERROR:")[2].strip() or kind  # Postgres' driver puts its own way there before it
    return f"the query failed ({kind}): {said.splitlines()[0][:200]}"
