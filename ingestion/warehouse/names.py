"""Names: where a source table lands, and names that an engine cannot tell apart.

`public.t` lands in `raw_app.t` and `raw_app_history.t`; a table of another schema `s` in `raw_app__s`; one of a
protected schema in `restricted` and `restricted_history`, which are never published to all. DuckDB folds case, Postgres
cuts at 63 bytes: a name that is taken gets a suffix `__2`.
"""

from collections.abc import Collection, Iterable
from typing import Final

MACHINERY: Final = ("_op", "_epoch", "_lsn", "_seq", "_commit_at")
TEXT_SUFFIX: Final = "__text"


def quote(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


def landing_schemas(source_schema: str, protected: Collection[str]) -> tuple[str, str]:
    """Schemas of the mirror and of the history of a source schema's tables."""
    if source_schema in protected:
        return "restricted", "restricted_history"
    suffix = "" if source_schema == "public" else f"__{source_schema}"
    return f"raw_app{suffix}", f"raw_app_history{suffix}"


def distinct(name: str, taken: Iterable[str]) -> str:
    """The name itself, or with the first suffix `__2`, `__3`, ... that no taken name is equal to but for case."""
    folded = {other.casefold() for other in taken}
    candidate, number = name, 1
    while candidate.casefold() in folded:
        number += 1
        candidate = f"{name}__{number}"
    return candidate


def column_names(names: Iterable[str]) -> list[str]:
    """Names of a table's columns in the warehouse, in order: apart from one another and from Flux's machinery."""
    taken: list[str] = list(MACHINERY)
    for name in names:
        taken.append(distinct(name, taken))
    return taken[len(MACHINERY) :]
