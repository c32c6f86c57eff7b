"""Read a vendor's file, CSV or JSON, as typed columns: by DuckDB's readers, in a connection of its own.

Everything is read as text first and cast by the mapping, so that what a value is does not depend on what the reader
guesses of the rows around it. A value that is not of its type refuses the file, with the places and not the values:
half an export is worse than none. An empty CSV field is null.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from ingestion.errors import ImportedFileError
from ingestion.load.vendor_mapping import TYPES, ObjectColumn, ObjectMapping
from ingestion.warehouse.names import quote

_CHUNK_ROWS: Final = 50_000
_SHOWN: Final = 5
_CSV: Final = (".csv", ".tsv", ".txt")
_JSON: Final = (".json", ".ndjson", ".jsonl")


@contextmanager
def read_objects(file: Path, mapping: ObjectMapping, *, memory_bytes: int) -> Iterator[Iterator[pa.Table]]:
    """Give a file's rows in chunks, columns named as in the warehouse. Raises ImportedFileError."""
    with closing(duckdb.connect()) as connection:
        for name, value in {"TimeZone": "UTC", "memory_limit": f"{memory_bytes}B", "threads": "1"}.items():
            connection.execute(f"set {name} = '{value}'")
        try:
            _stage(connection, file, mapping)
            _refuse_values(connection, file, mapping)
            columns = ", ".join(f"c{place} as {quote(column.name)}" for place, column in enumerate(mapping.columns))
            reader = connection.sql(f"select {columns} from _file order by _row").to_arrow_reader(_CHUNK_ROWS)
        except duckdb.Error as error:
            raise ImportedFileError(
                f"{str(file)!r} is not {_kind(file)} as its name says ({type(error).__name__}); nothing was changed"
            ) from None
        assert reader is not None  # a query has a result
        yield (pa.Table.from_batches([batch]) for batch in reader)


def _stage(connection: duckdb.DuckDBPyConnection, file: Path, mapping: ObjectMapping) -> None:
    """Make a temporary table of the mapped members as text, c0, c1, ..., with the number of each row."""
    if set("*?[") & set(str(file)):  # the readers would take it for a pattern, and other files with it
        raise ImportedFileError(f"{str(file)!r} has one of * ? [ in its name or directory; rename it")
    escaped = str(file).replace("'", "''")
    if _kind(file) == "csv":
        source = f"read_csv('{escaped}', header = true, all_varchar = true)"
        there = [row[0] for row in connection.execute(f"describe select * from {source}").fetchall()]
        lacking = [column.member for column in mapping.columns if column.member not in there]
        if lacking:
            raise ImportedFileError(f"{str(file)!r} lacks {', '.join(map(repr, lacking))}; it has {', '.join(there)}")
        texts = [quote(column.member) for column in mapping.columns]
    else:
        wanted = ", ".join(f"{quote(column.member)}: 'JSON'" for column in mapping.columns)
        source = f"read_json('{escaped}', columns = {{{wanted}}})"
        texts = [_text_of_json(column) for column in mapping.columns]
    selected = ", ".join(f"{text} as c{number}" for number, text in enumerate(texts))
    connection.execute(f"create temp table _file as select row_number() over () as _row, {selected} from {source}")


def _text_of_json(column: ObjectColumn) -> str:
    name = quote(column.member)
    return f"nullif({name}::varchar, 'null')" if column.type == "json" else f"{name} ->> '$'"


def _refuse_values(connection: duckdb.DuckDBPyConnection, file: Path, mapping: ObjectMapping) -> None:
    for number, column in enumerate(mapping.columns):
        wrong = f"c{number} is not null and " + (
            f"not json_valid(c{number})"
            if column.type == "json"
            else f"try_cast(c{number} as {TYPES[column.type]}) is null"
        )
        if column.name in mapping.key:
            wrong = f"c{number} is null or {wrong}"
        count, first = connection.execute(
            f"select count(*), list(_row order by _row)[:{_SHOWN}] from _file where {wrong}"
        ).fetchall()[0]
        if count:
            raise ImportedFileError(
                f"{str(file)!r}: column {column.name!r} is not {column.type} in {count} rows, the first of which are "
                f"{', '.join(map(str, first))} (1 is the first row of data); nothing was changed. Mend the file, or "
                "let the mapping say text"
            )
        if column.type != "json":
            connection.execute(f"alter table _file alter column c{number} type {TYPES[column.type]}")


def _kind(file: Path) -> str:
    suffixes = [suffix.lower() for suffix in file.suffixes if suffix.lower() not in (".gz", ".zst")]
    if suffixes and suffixes[-1] in _CSV:
        return "csv"
    if suffixes and suffixes[-1] in _JSON:
        return "json"
    raise ImportedFileError(
        f"{str(file)!r} is neither CSV nor JSON by its name; end it in {', '.join((*_CSV, *_JSON))}"
    )
