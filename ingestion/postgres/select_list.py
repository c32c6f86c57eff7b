"""The SELECT that reads a table as the stream writes it: each value as the bytes that a change would carry."""

from collections.abc import Collection, Sequence
from typing import Final

from psycopg import sql

from ingestion.postgres.pgoutput import Relation

# Types whose binary form is their text (send functions that only convert the encoding).
_TEXTUAL: Final = frozenset({"text", "varchar", "bpchar", "name", "json", "citext"})
_ALL_KEYS: Final = sql.SQL("true")


def copy_query(
    relation: Relation,
    own_text_cast: frozenset[int],
    *,
    partitioned: bool,
    keys: sql.Composable = _ALL_KEYS,
    raw: Collection[str] = (),
) -> sql.Composed:
    """Build the SELECT of what is published, in text form; with COPY BINARY it carries just the stream's bytes.

    `own_text_cast` holds the types whose cast to text is not their output function; `keys` is a condition of
    `key_range`. Columns named in `raw` stay as they are: for who has Postgres write them in another way.
    """
    parts = []
    for column in relation.columns:
        name = sql.Identifier(column.name)
        if column.name in raw or column.type in _TEXTUAL or column.kind == "e":
            parts.append(sql.SQL("{}").format(name))
        elif column.type == "bool":
            parts.append(sql.SQL("case when {0} then 't' when not {0} then 'f' end").format(name))
        elif column.type_oid in own_text_cast:
            parts.append(sql.SQL("case when {0} is not null then format('%s', {0}) end").format(name))
        else:
            parts.append(sql.SQL("{}::text").format(name))
    return sql.SQL("select {} from {} where {} and {}").format(
        sql.SQL(", ").join(parts), table_name(relation, partitioned=partitioned), keys, published_rows(relation)
    )


def published_rows(relation: Relation) -> sql.Composable:
    """Build the condition of the rows that are published, as the catalog writes it: the source's own SQL."""
    return sql.SQL("({})").format(sql.SQL(relation.rows)) if relation.rows else _ALL_KEYS  # as pg_get_expr() wrote it


def table_name(relation: Relation, *, partitioned: bool) -> sql.Composed:
    """Name the table for FROM. The rows of tables that inherit from it are theirs; those of partitions are its own."""
    only = sql.SQL("" if partitioned else "only ")
    return sql.SQL("{}{}").format(only, sql.Identifier(relation.schema, relation.name))


def key_range(relation: Relation, low: Sequence[str] | None, high: Sequence[str] | None) -> sql.Composable:
    """Build the condition low < key <= high; the source alone knows how its keys are ordered. None: no bound."""
    conditions = [
        sql.SQL("({}) {} ({})").format(_key_columns(relation), sql.SQL(comparison), _literals(relation, bound))
        for comparison, bound in ((">", low), ("<=", high))
        if bound is not None
    ]
    return sql.SQL(" and ").join(conditions) if conditions else _ALL_KEYS


def high_key_query(relation: Relation, low: Sequence[str] | None, rows: int, *, partitioned: bool) -> sql.Composed:
    """Build the SELECT of the key, as text, that ends a range of that many rows; no row when fewer are left."""
    texts = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in relation.key)
    return sql.SQL("select {} from {} where {} order by {} offset {} limit 1").format(
        texts,
        table_name(relation, partitioned=partitioned),
        key_range(relation, low, None),
        _key_columns(relation),
        sql.Literal(max(rows - 1, 0)),
    )


def _key_columns(relation: Relation) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(relation.name, name) for name in relation.key)


def _literals(relation: Relation, bound: Sequence[str]) -> sql.Composed:
    declared = {column.name: column.declared for column in relation.columns}
    return sql.SQL(", ").join(
        sql.SQL("{}::{}").format(sql.Literal(value), sql.SQL(declared[name]))  # format_type() quotes what needs it
        for name, value in zip(relation.key, bound, strict=True)
    )
