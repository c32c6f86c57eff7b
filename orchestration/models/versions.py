"""What each node is made of, as one hash: a build leaves out what would only be made again as it stands.

The version of a model is a hash of the project's files and of the versions of all that it reads, down to how far the
raw tables reach (`standing.py`). A table whose version is the one that it was made with would get the very rows that it
has, and a test that passed would pass. A view needs no making while the files are the same. What depends on the time of
the data reads the cut, which has a version like every other input; what nobody vouches for has none, and then neither
has what is made of it: that is built each time. Pure: names and hashes in, names out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any, Final

# Facts of the match set go on by its one list, though few of them read it themselves (docs/decisions/0013).
_OF_EXAMPLES: Final = ("changed_examples", "new_activities")


@dataclass(frozen=True, slots=True)
class Node:
    """A model, seed or test. `relation` is what it is in the warehouse; a test is none. Lists: docs/decisions/0008."""

    name: str
    parents: tuple[str, ...]
    relation: str | None = None
    is_view: bool = False
    is_list: bool = False
    is_kept: bool = False
    is_of_examples: bool = False
    is_key_of_landed: bool = False


Nodes = Mapping[str, Node]
Versions = Mapping[str, str | None]


def nodes_of(manifest: Any) -> dict[str, Node]:  # Any: dbt ships no types
    """Read dbt's manifest: its nodes by unique id, each after what it reads."""
    found = {}
    for unique_id, node in manifest.nodes.items():
        if node.resource_type not in ("model", "seed", "test"):
            continue
        is_test = node.resource_type == "test"
        metadata = getattr(node, "test_metadata", None)
        found[unique_id] = Node(
            name=node.name,
            parents=tuple(sorted(set(node.depends_on_nodes))),
            relation=None if is_test else f"{node.schema}.{node.alias}",
            is_view=node.config.materialized == "view",
            is_list=bool(node.config.meta.get("feeds")),
            is_kept=node.config.materialized == "incremental",
            is_of_examples=getattr(node.config, "incremental_strategy", None) in _OF_EXAMPLES,
            is_key_of_landed=metadata is not None and metadata.name == "primary_key" and "staging" in node.fqn,
        )
    order = TopologicalSorter({name: node.parents for name, node in found.items()}).static_order()
    return {name: found[name] for name in order if name in found}


def named(nodes: Nodes, select: Collection[str]) -> set[str]:
    """Give what `dbt build --indirect-selection buildable` builds of models by name; all when none is named.

    Keys of what landed are left to thorough builds. Raises KeyError for what is no model's name.
    """
    if not select:
        return {each for each, node in nodes.items() if not node.is_key_of_landed}
    by_name = {node.name: each for each, node in nodes.items() if node.relation is not None}
    models = {by_name[name] for name in select}
    about = models | set(_ancestors(nodes, models))
    tests = (each for each, node in nodes.items() if node.relation is None and set(node.parents) <= about)
    return models | {each for each in tests if not nodes[each].is_key_of_landed}


def wanted(nodes: Nodes, inputs: Versions, code: str) -> dict[str, str | None]:
    """Give the version of each node if all were built now; None where an input has none."""
    found = dict(inputs)
    for each, node in nodes.items():
        found[each] = _made_of(node, code, found)
    return {each: found[each] for each in nodes}


def to_run(
    nodes: Nodes,
    among: Collection[str],
    versions: Versions,
    code: str,
    noted: Mapping[str, str],
    stands: Collection[str],
    *,
    views_fall: bool,
) -> set[str]:
    """Give those of `among` that a build has to make or test.

    `noted` is what stands and passed; `stands` are the relations that are there. Where `views_fall` (Postgres) a view
    goes with what it reads when that is replaced.
    """
    run = set()
    for each in among:
        node = nodes[each]
        version = code if node.is_view else versions[each]
        if version is None or noted.get(each) != version or (node.relation or "") not in ("", *stands):
            run.add(each)
    grown, groups = -1, [*_lists(nodes)]
    while grown < len(run):
        grown = len(run)
        for group in groups:
            if run & group:
                run |= group.intersection(among)
        if views_fall:
            for each, node in nodes.items():
                if node.is_view and each in among and run.intersection(node.parents):
                    run.add(each)
    return run


def after(
    nodes: Nodes, inputs: Versions, code: str, noted: Mapping[str, str], done: Collection[str], failed: Collection[str]
) -> dict[str, str]:
    """Give what is to be noted once some nodes were built well: of what each was really made."""
    found, notes = dict(inputs), dict[str, str]()
    for each, node in nodes.items():
        made_of = _made_of(node, code, found)
        version = code if node.is_view else made_of
        if each not in done:
            version = None if each in failed else noted.get(each)
        if version is not None:
            notes[each] = version
        # A view shows what its parents are now, by the files that it was made of.
        found[each] = _made_of(node, version, found) if node.is_view and version is not None else version
    return notes


def _made_of(node: Node, code: str, found: Versions) -> str | None:
    parts = [found.get(parent) for parent in node.parents]
    if None in parts:
        return None
    digest = hashlib.sha256("\n".join((code, *_lines(node.parents, parts))).encode())
    return digest.hexdigest()[:32]


def _lines(names: Iterable[str], versions: Iterable[str | None]) -> Iterator[str]:
    return (f"{name} {version}" for name, version in zip(names, versions, strict=True))


def _lists(nodes: Nodes) -> Iterator[set[str]]:
    """Give each list of changed keys with the facts that go on by it and what lies between: run together or not."""
    for each, node in nodes.items():
        if node.is_list:
            readers = {other for other, fact in nodes.items() if fact.is_kept and each in fact.parents}
            below = _descendants(nodes, each)
            if any(nodes[reader].is_of_examples for reader in readers):
                readers |= {other for other in below if nodes[other].is_of_examples}
            yield {each} | readers | (below & set(_ancestors(nodes, readers)))


def _ancestors(nodes: Nodes, of: Iterable[str]) -> Iterator[str]:
    seen, pending = set[str](), list(of)
    while pending:
        for parent in nodes[pending.pop()].parents:
            if parent in nodes and parent not in seen:
                seen.add(parent)
                pending.append(parent)
                yield parent


def _descendants(nodes: Nodes, of: str) -> set[str]:
    found = {of}
    for each, node in nodes.items():  # parents come first
        if node.relation is not None and found.intersection(node.parents):
            found.add(each)
    return found - {of}
