"""What a training set is made from, collected for its manifest: positions of the sources, models, code, run.

Evidence only; none of it decides a row. Sources are told as they were known at the as-of time: changes of the histories
up to the position that the warehouse's clock gives to it, events by the time they were received. So the same question
has the same answer for ever, unless a history was rewritten.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from dashboards.catalogue import LAST_BUILD
from ingestion.warehouse.names import quote
from orchestration import models
from orchestration.errors import FluxError
from orchestration.settings import Settings
from orchestration.walk.readers import Reading, reading
from training import Cut, Origin, Source
from training.papers import code_version
from training.sql import literal, text

EXAMPLES = "model.flux.ml_match_examples"
SUBJECTS = "intermediate.int_match_subjects"
_KEY = re.compile(r"[0-9a-f]{32}")


def origin_of(
    settings: Settings,
    warehouse: Reading,
    relation: str,
    as_of: dt.datetime,
    *,
    asked: Mapping[str, Any],
    run: Mapping[str, str] | None = None,
) -> Origin:
    """Collect the evidence for a dataset of one relation. Reads the position columns of each of its sources."""
    manifest = models.prepare(settings)
    document = json.loads(manifest.read_text(encoding="utf-8"))
    above = set(_above(document, relation))
    position = position_at(warehouse, as_of)
    return Origin(
        position=position,
        sources=tuple(_sources(warehouse, document, above, position, as_of)),
        models=dict(_checksums(document, above)),
        manifest=manifest,
        code=_code(),
        run={**_last_build(settings), **(run or {})},
        tools=warehouse.tools(),
        meanings=_meanings(document, relation),
        asked=asked,
        state=warehouse.state(),
    )


def position_at(warehouse: Reading, as_of: dt.datetime) -> Cut | None:
    """Resolve a time to the newest position strictly before it; None where the clock begins later."""
    rows = warehouse.arrow(
        f"select _epoch as epoch, _lsn as lsn, clock_at as at from _flux.clock where clock_at < {literal(as_of)}"
        " order by _epoch desc, _lsn desc, clock_at desc limit 1"
    ).to_pylist()
    return Cut(**rows[0]) if rows else None


def resolve_subject(settings: Settings, subject: str) -> str:
    """Return the subject key of a person, given as such or as a member id."""
    if _KEY.fullmatch(subject):
        return subject
    if not subject.isdecimal():
        raise FluxError(f"{subject!r} is neither a subject key (32 hex digits) nor a member id; give one of the two")
    with reading(settings) as warehouse:
        rows = warehouse.arrow(f"select subject_key from {SUBJECTS} where member_id = {int(subject)}").to_pylist()
    if not rows:
        raise FluxError(f"the warehouse knows no member {subject}; if the row is gone, give the subject key")
    return str(rows[0]["subject_key"])


def _above(document: Mapping[str, Any], relation: str) -> Iterator[str]:
    """Yield the ids of the relation's node and of all that it is made from."""
    schema, _, name = relation.partition(".")
    found = [
        unique_id
        for unique_id, node in document["nodes"].items()
        if node["resource_type"] == "model" and (node["schema"], node["name"]) == (schema, name)
    ]
    seen: set[str] = set()
    while found:
        unique_id = found.pop()
        if unique_id not in seen:
            seen.add(unique_id)
            found += _parents(document, unique_id)
    yield from seen


def _parents(document: Mapping[str, Any], unique_id: str) -> list[str]:
    node = document["macros" if unique_id.startswith("macro.") else "nodes"].get(unique_id)
    if node is None:  # a source
        return []
    ours = [macro for macro in node["depends_on"]["macros"] if document["macros"][macro]["package_name"] == "flux"]
    return [*node["depends_on"].get("nodes", []), *ours]


def _checksums(document: Mapping[str, Any], above: set[str]) -> Iterator[tuple[str, str]]:
    for unique_id in above:
        if unique_id.startswith("macro."):
            yield unique_id, sha256(document["macros"][unique_id]["macro_sql"].encode()).hexdigest()[:16]
        elif unique_id in document["nodes"]:
            yield unique_id, document["nodes"][unique_id]["checksum"]["checksum"][:16]


def _meanings(document: Mapping[str, Any], relation: str) -> dict[str, str]:
    for node in document["nodes"].values():
        if node["resource_type"] == "model" and f"{node['schema']}.{node['name']}" == relation:
            return {name: " ".join(column["description"].split()) for name, column in node["columns"].items()}
    return {}


def _sources(
    warehouse: Reading, document: Mapping[str, Any], above: set[str], position: Cut | None, as_of: dt.datetime
) -> Iterator[Source]:
    """Count the changes and events of the sources that were known. Mirrors are the present, their histories count."""
    names = [
        (source["schema"], source["identifier"])
        for unique_id, source in document["sources"].items()
        if unique_id in above and source["schema"].startswith("raw_")
    ]
    there = _columns(warehouse)
    queries = []
    for schema, name in sorted(names):
        columns = there.get((schema, name), set())
        relation = f"{quote(schema)}.{quote(name)}"
        if "_lsn" in columns and position is not None:
            queries.append(
                f"select {text(f'{schema}.{name}')} as relation, _epoch as epoch, count(*) as row_count,"
                f" max(_lsn) as lsn, max(_commit_at) as at from {relation} where _epoch < {position.epoch}"
                f" or (_epoch = {position.epoch} and _lsn <= {position.lsn}) group by _epoch"
            )
        elif schema.startswith("raw_segment") and "received_at" in columns and name != "users":
            queries.append(
                f"select {text(f'{schema}.{name}')} as relation, cast(null as bigint) as epoch, count(*) as row_count,"
                f" cast(null as bigint) as lsn, max(received_at) as at from {relation}"
                f" where received_at < {literal(as_of)}"
            )
    if not queries:
        return
    found: dict[str, Source] = {}
    rows = warehouse.arrow(" union all ".join(queries) + " order by relation, epoch").to_pylist()
    for row in rows:
        name, count = row["relation"], int(row["row_count"])
        before = found[name].rows if name in found else 0
        found[name] = Source(name, before + count, row["epoch"], row["lsn"], row["at"])
    yield from found.values()


def _columns(warehouse: Reading) -> dict[tuple[str, str], set[str]]:
    rows = warehouse.arrow(
        "select table_schema, table_name, cast(column_name as varchar) as column_name from information_schema.columns"
        " where column_name in ('_lsn', 'received_at')"
    ).to_pylist()
    found: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        found.setdefault((row["table_schema"], row["table_name"]), set()).add(row["column_name"])
    return found


def _last_build(settings: Settings) -> dict[str, str]:
    """Say which run of dbt built the examples, and whether its files are those of the manifest."""
    try:
        document = json.loads((settings.dbt_directory / LAST_BUILD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    results = document.get("results", {}).items()
    examples = next((result for node, result in results if node.startswith(EXAMPLES)), document)
    told = {name: examples[name] for name in ("invocation", "built_at") if name in examples}
    if "manifest" in document:
        same = document["manifest"] == models.manifest_path(settings).name
        told["models"] = "as they were built" if same else "changed since the last build"
    return told


@cache
def _code() -> Mapping[str, str]:
    """Name the code: the distribution's version, and the revision where this is a checkout."""
    return {"version": code_version(), **({"revision": revision} if (revision := _revision()) else {})}


def _revision() -> str | None:
    root = str(Path(__file__).parents[2])
    try:
        head = subprocess.run(
            ["git", "-C", root, "describe", "--always", "--abbrev=12", "--dirty=+changed", "--exclude=*"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return head.stdout.strip() or None
