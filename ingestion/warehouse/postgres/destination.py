"""A Postgres database as the loader's destination."""

from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Final

import psycopg
import pyarrow as pa

from ingestion.warehouse.clock import Clock
from ingestion.warehouse.destination import ColumnChange, Dialect, StagedChanges
from ingestion.warehouse.names import quote
from ingestion.warehouse.postgres.apply import PostgresApplier
from ingestion.warehouse.postgres.copies import load_copy
from ingestion.warehouse.postgres.events import PostgresEvents
from ingestion.warehouse.postgres.repair import repair
from ingestion.warehouse.postgres.schema import (
    NAME_BYTES,
    PostgresMachinery,
    about,
    column_list,
    count,
    create_key,
    drop_views,
)
from ingestion.warehouse.postgres.session import PostgresSession
from ingestion.warehouse.postgres.stage import stage_rows
from ingestion.warehouse.postgres.types import TEXT, postgres_type
from ingestion.warehouse.reshape import change_columns, drop_table, keep_columns, write_rows, write_unfilled
from ingestion.warehouse.table import Table

DIALECT: Final = Dialect(postgres_type, NAME_BYTES)
_STAMPS: Final = {"_n": "bigint", "_tag": "integer", "_lsn": "bigint", "_seq": "bigint"}


class PostgresDestination:
    """Loads into a connection of `ingestion.warehouse.postgres.connection.connect`, which holds the lock."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.dialect = DIALECT
        self.session = PostgresSession(connection)
        self.machinery = PostgresMachinery(self.session)
        self.clock = Clock(self.session)
        self.events = PostgresEvents(self.session)

    def transaction(self) -> AbstractContextManager[None]:
        return self.session.transaction()

    def stage(self, table: Table, new: pa.Table, old: pa.Table) -> StagedChanges:
        everything = range(len(table.columns))
        unchanged = tuple(i for i in everything if f"u{i}" in new.column_names)
        names = f"_new_{table.oid}", f"_old_{table.oid}"
        sent = {f"u{i}": "boolean" for i in unchanged}
        # Twice, when the second time gave a sibling column that the first does not know of.
        known = None
        while known != table:
            known = table
            table = stage_rows(self.session, names[0], table, new, everything, {**_STAMPS, **sent})
            table = stage_rows(self.session, names[1], table, old, table.key or everything, _STAMPS)
        # Without statistics the server takes temporary tables for far larger ones, and hashes and sorts whole mirrors.
        self.session.execute(f"analyze {names[0]} (_n); analyze {names[1]} (_n)")
        applier = PostgresApplier(self.session, table, *names, unchanged)
        applier.drop_same_keys()
        return applier

    def reshape(
        self, before: Table, after: Table, changes: Sequence[ColumnChange], at: tuple[int, int], *, rekeyed: bool
    ) -> None:
        retyped = [
            change.after
            for change in changes
            if change.before is not None and change.after is not None and change.before.type != change.after.type
        ]
        if retyped or any(change.after is None for change in changes):
            drop_views(self.session, before.mirror_schema, before.name)
        change_columns(self.session, before, changes, NAME_BYTES)
        for column in retyped:
            name, beside = quote(column.name), quote(column.text_name)
            # What stood beside the column goes into it where text can hold all.
            folds = column.has_text and column.type == TEXT
            text = f"coalesce({beside}, {name}::text)" if folds else f"{name}::text"
            for target in after.relations:
                self.session.execute(
                    f"alter table {target} alter column {name} type {column.type} using {text}::{column.type}"
                )
                if folds:
                    self.session.execute(f"update {target} set {beside} = null")
        if rekeyed:
            create_key(self.session, after)
        filled = [change for change in changes if change.before is None and change.missing is not None]
        if filled:
            write_unfilled(self.session, after, column_list(after), at)
        for change in filled:
            if change.after is not None:
                self.session.execute(f"update {after.mirror} set {quote(change.after.name)} = $1", [change.missing])
        if filled or rekeyed:
            write_rows(self.session, after, column_list(after), at)

    def load_copy(self, table: Table, chunks: Iterable[pa.Table], at: datetime, previous: Table | None) -> Table:
        return load_copy(self.session, table, chunks, at, previous)

    def repair(self, table: Table, chunks: Iterable[pa.Table], here: str, lsn: int, at: datetime) -> tuple[Table, int]:
        return repair(self.session, table, chunks, here, lsn, at)

    def keep_columns(self, table: Table, names: Collection[str]) -> None:
        self._drop_views(table)
        keep_columns(self.session, table, names)
        if table.has_history:  # a dropped column's values stay in the rows until these are written anew
            self.session.execute(f"alter table {table.history} alter column _seq type bigint using _seq + 0")

    def drop_table(self, table: Table) -> None:
        self._drop_views(table)
        drop_table(self.session, table)

    def _drop_views(self, table: Table) -> None:
        for schema in (table.mirror_schema, table.history_schema):
            drop_views(self.session, schema, table.name)

    def count(self, table: Table) -> int:
        return count(self.session, table)

    def about(self, table: Table) -> int:
        return about(self.session, table)
