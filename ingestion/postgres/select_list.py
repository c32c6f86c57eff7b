"""The SELECT that reads a table as the stream writes it: each value as the bytes that a change would carry."""

from typing import Final

from psycopg import sql

from ingestion.postgres.pgoutput import Relation

# Types whose binary form is their text (send functions that only convert the encoding).
_TEXTUAL: Final = frozenset({"text", "varchar", "bpchar", "name", "json", "citext"})


def copy_query(relation: Relation, own_text_cast: frozenset[int], *, partitioned: bool) -> sql.Composed:
    """Build the SELECT of all columns in their text form; with COPY BINARY it carries just the stream's bytes.

    `own_text_cast` holds the types whose cast to text is not their output function. The rows of tables that inherit
    from this one are theirs, not its own; those of partitions are.
    """
    parts = []
    for column in relation.columns:
        name = sql.Identifier(column.name)
        if column.type in _TEXTUAL or column.kind == "e":
            parts.append(sql.SQL("{}").format(name))
        elif column.type == "bool":
            parts.append(sql.SQL("case when {0} then 't' when not {0} then 'f' end").format(name))
        elif column.type_oid in own_text_cast:
            parts.append(sql.SQL("case when {0} is not null then format('%s', {0}) end").format(name))
        else:
            parts.append(sql.SQL("{}::text").format(name))
    return sql.SQL("select {} from {}{}").format(
        sql.SQL(", ").join(parts),
        sql.SQL("" if partitioned else "only "),
        sql.Identifier(relation.schema, relation.name),
    )
