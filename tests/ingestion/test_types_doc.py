"""docs/types.md says what the type maps say. REGENERATE=1 writes it anew."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ingestion.warehouse.postgres.types import AS_ITSELF, AS_TEXT, postgres_type
from ingestion.warehouse.types import SourceType, duckdb_type, may_fail

DOC = Path(__file__).parents[2] / "docs" / "types.md"
NUMERICS = ((12, 2), (38, 10), (39, 0), (5, -2), (3, 5))

HEAD = """# Types: the form of every value in each warehouse

Values travel as Postgres' own text: in the stream, in the copy, and in the log (what `FLUX_WIRE=binary` streams
in binary form is turned into the same text before anything else). The load casts them to the
warehouse's types where those can hold them, and leaves the text where they cannot. So nothing is rounded,
clipped or replaced, and the source's text can be had back from what landed
(`ingestion/warehouse/duckdb/source_text.py` has the SQL; `tests/ingestion/test_every_type.py` sends random
values of each type through copy and stream and asks for it).

- *Sibling*: a value that the column's type cannot hold (a date before Christ, `NaN` in a `DECIMAL`) is NULL
  there and stands as text in a column `<column>__text`, which appears with the first such value. A query that
  must see all values reads `coalesce(<column>::varchar, <column>__text)`.
- A key column may have a sibling, too: then the two together identify a row.
- Domains land as their base type. NULL is NULL, and the JSON value `null` is not.
- Text forms are those of ISO dates, UTC, `intervalstyle = postgres`, `bytea_output = hex`, whatever the
  source's defaults are.

<!-- Below this line the test writes: REGENERATE=1 make test ARGS=tests/ingestion/test_types_doc.py -->
"""

AFTER_TYPES = """
In Postgres a type lands without its modifier, so that old values of a history always fit. A sibling appears
there only for what no Postgres, or none so old, reads back: a `timestamp(0)` that was rounded into the year
294277, an infinite interval before version 17.
"""


def kind(name: str) -> str:
    return "m" if name.endswith("multirange") else "r" if name.endswith("range") else "b"


def forms(source: SourceType) -> tuple[str, str, str]:
    duckdb = duckdb_type(source)
    return f"`{duckdb}`", "yes" if may_fail(duckdb) else "", f"`{postgres_type(source)}`"


def rows() -> Iterator[str]:
    yield "## Built-in types\n"
    yield "| at the source | in DuckDB | sibling possible | in Postgres |\n|---|---|---|---|"
    for names in AS_ITSELF.values():
        for name in names:
            if name == "numeric":
                for precision, scale in NUMERICS:
                    typmod = (precision << 16 | scale & 0x7FF) + 4
                    cells = forms(SourceType(name, "b", typmod))
                    yield f"| `numeric({precision},{scale})` | {' | '.join(cells)} |"
            cells = forms(SourceType(name, kind(name), -1))
            yield f"| `{name}` | {' | '.join(cells)} |"
    cells = forms(SourceType("_int4", "b", -1))
    yield f"| arrays of these, of any dimensions and bounds (`integer[]`) | {' | '.join(cells)} |"
    yield AFTER_TYPES
    yield "## What lands as text in both\n"
    yield "| at the source | why, in Postgres |\n|---|---|"
    for what, why in AS_TEXT.items():
        yield f"| {what} | {why} |"


def test_doc_says_what_the_type_maps_say() -> None:
    text = HEAD + "\n" + "\n".join(rows()) + "\n"
    if os.environ.get("REGENERATE"):
        DOC.write_text(text)
    assert text == DOC.read_text(), "REGENERATE=1 writes docs/types.md anew"
