"""Turn a card's SQL into a query: `{{ ref('model') }}` becomes `schema.relation`.

Cards are in DuckDB's dialect; other targets transpile the compiled text later. The only template tags are `ref` and
those of metrics (`metrics`, expanded before), so a card can be read without knowing Jinja, and its sources are known
without running it (lineage, exposures, access).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from dashboards.connection import Connection
from dashboards.errors import DefinitionError, did_you_mean

READABLE_SCHEMAS = ("marts", "reporting")  # of cards whose audience reads nothing else
_TAG = re.compile(r"\{\{(.*?)\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_REF = re.compile(r"""\s*ref\(\s*(['"])([A-Za-z0-9_]+)\1\s*\)\s*""")


@dataclass(frozen=True, slots=True)
class Query:
    """A compiled card: SQL in DuckDB's dialect and the models that it reads."""

    sql: str
    refs: tuple[str, ...]
    relations: tuple[str, ...]
    lines: Mapping[str, int] = field(default_factory=dict)
    """Line of the file where each relation is named first."""


def compile_sql(text: str, relations: Mapping[str, str], *, path: Path) -> Query:
    """Replace each reference by its relation; `relations` maps model -> `schema.relation`.

    Raises DefinitionError (with the line in `path`) for an unknown model, an unknown tag, or a statement that reads no
    model.
    """
    refs: list[str] = []
    lines: dict[str, int] = {}

    def replace(match: re.Match[str]) -> str:
        line = text.count("\n", 0, match.start()) + 1
        inner = match.group(1)
        reference = _REF.fullmatch(inner) if inner is not None else None
        if reference is None:
            raise DefinitionError(
                f"tag {match.group(0)!r} is unknown; a card may only use {{{{ ref('model') }}}},"
                " {{ filter('name') }} and {{ metric('name') }}",
                path=path,
                line=line,
            )
        name = reference.group(2)
        if name not in relations:
            raise DefinitionError(f"model {name!r} does not exist{did_you_mean(name, relations)}", path=path, line=line)
        refs.append(name)
        lines.setdefault(relations[name], line)
        return quoted(relations[name])

    sql = _TAG.sub(replace, text).rstrip().rstrip(";")  # no line is lost at the head: errors count lines
    if not refs:
        raise DefinitionError("the card reads no model; name one with {{ ref('model') }}", path=path, line=1)
    names = tuple(dict.fromkeys(refs))
    return Query(sql, names, tuple(relations[name] for name in names), lines)


def refs_of(text: str) -> list[str]:
    """Name the models that a card's SQL refers to, each once; whether they exist is not asked."""
    inner = (match.group(1) for match in _TAG.finditer(text) if match.group(1) is not None)
    return list(dict.fromkeys(found.group(2) for part in inner if (found := _REF.fullmatch(part))))


def quoted(relation: str) -> str:
    """Return `schema.relation` with both parts quoted."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in relation.split(".", 1))


def relations_of_manifest(manifest: Path) -> dict[str, str]:
    """Return model -> `schema.relation` of a dbt manifest, without ephemeral models."""
    return dict(_read(manifest)[0])


def columns_of_manifest(manifest: Path) -> dict[str, dict[str, str]]:
    """Return relation -> column -> type of the models that have a contract."""
    return {relation: dict(types) for relation, types in _read(manifest)[1].items()}


Held = tuple[dict[str, str], dict[str, dict[str, str]]]


def _read(manifest: Path) -> Held:
    """Read both. A manifest has megabytes, and commands ask more than once; what is asked of it is small."""
    state = manifest.stat()
    return _held(manifest, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=2)
def _held(manifest: Path, written_ns: int, size: int) -> Held:
    relations, columns = {}, {}
    for node in json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values():
        if node.get("resource_type") != "model":
            continue
        relation = f"{node['schema']}.{node.get('alias') or node['name']}"
        if node.get("config", {}).get("materialized") != "ephemeral":
            relations[node["name"]] = relation
        types = {column["name"]: column.get("data_type") for column in node.get("columns", {}).values()}
        if types and all(types.values()):
            columns[relation] = types
    return relations, columns


def relations_of_warehouse(connection: Connection) -> dict[str, str]:
    """Return model -> `schema.relation` of what the readable schemas hold: for a warehouse without its manifest."""
    table = connection.arrow(
        "select table_name, table_schema from information_schema.tables "
        "where table_schema in ('marts', 'reporting') order by 1"
    )
    return {row["table_name"]: f"{row['table_schema']}.{row['table_name']}" for row in table.to_pylist()}
