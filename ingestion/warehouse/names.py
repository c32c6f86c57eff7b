"""Names: where a source table lands, and names that an engine cannot tell apart.

`public.t` lands in `raw_app.t` and `raw_app_history.t`; a table of another schema `s` in `raw_app__s`; one of a
protected schema in `restricted` and `restricted_history`, which are never published to all. DuckDB folds case, Postgres
cuts at 63 bytes: a name that is taken gets a suffix `__2`, and one that is too long ends in a part of its hash. The
same rule holds for every engine, but for the length.
"""

import hashlib
from collections.abc import Collection, Iterable
from typing import Final

MACHINERY: Final = ("_op", "_epoch", "_lsn", "_seq", "_commit_at")
TEXT_SUFFIX: Final = "__text"
# Where protected columns and the tables of protected schemas land: mirrors, and histories.
PROTECTED: Final = ("restricted", "restricted_history")
# DuckDB's own name for a row's place, by which rows without a key are told apart.
_PLACE: Final = "rowid"


def quote(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


def landing_schemas(source_schema: str, protected: Collection[str], limit: int | None = None) -> tuple[str, str]:
    """Schemas of the mirror and of the history of a source schema's tables; names of at most `limit` bytes."""
    if source_schema in protected:
        return PROTECTED
    suffix = "" if source_schema == "public" else f"__{source_schema}"
    return fitted(f"raw_app{suffix}", limit), fitted(f"raw_app_history{suffix}", limit)


def distinct(name: str, taken: Iterable[str], limit: int | None = None) -> str:
    """The name itself, or with the first suffix `__2`, `__3`, ... that no taken name is equal to but for case."""
    folded = {other.casefold() for other in taken}
    candidate, number = fitted(name, limit), 1
    while candidate.casefold() in folded:
        number += 1
        candidate = fitted(f"{name}__{number}", limit)
    return candidate


def fitted(name: str, limit: int | None) -> str:
    """The name itself, or when it has more bytes than the limit: its begin, and eight digits of its hash."""
    raw = name.encode()
    if limit is None or len(raw) <= limit:
        return name
    digest = hashlib.sha256(raw).hexdigest()[:8]
    return raw[: limit - len(digest) - 1].decode(errors="ignore") + "_" + digest


def column_names(names: Iterable[str], limit: int | None = None) -> list[str]:
    """Names of a table's columns in the warehouse, in order: apart from one another and from Flux's machinery."""
    names = list(names)
    reserved = [*MACHINERY, _PLACE, *(name + TEXT_SUFFIX for name in names)]
    taken: list[str] = []
    for name in names:
        taken.append(distinct(name, [*reserved, *taken], limit))
    return taken
