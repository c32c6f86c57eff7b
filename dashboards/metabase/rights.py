"""Groups and their rights on what is ours: the database with the published models, and our collections.

Rights of a person add up over groups, and everybody is in Metabase's group of all users: so that one is an item, too.
Nothing else of the two graphs is touched. Both graphs are versioned as a whole: when somebody changed another part of
one meanwhile, it is read again; when he changed ours, the plan is out of date.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from dashboards.metabase.client import Client
from dashboards.metabase.errors import EditedError, MetabaseRefusedError
from dashboards.metabase.found import Existing, Found
from dashboards.metabase.identity import NUMBER
from dashboards.metabase.surroundings import EVERYONE, Data, Group
from dashboards.metabase.wanted import ROOT, Item

Json = dict[str, Any]  # Any: the server's own shape
# Everybody may see results: to block a database from a group belongs to the paid editions, and would stop dashboards.
_VIEW: Final = "unrestricted"
_QUERIES: Final[Mapping[Data, str]] = {"none": "no", "builder": "query-builder", "sql": "query-builder-and-native"}
_DATA: Final = {value: key for key, value in _QUERIES.items()}
_ALL_USERS: Final = ("all-internal-users", 1)  # its mark, and its number since the first version
_TRIES: Final = 3


def group_items(groups: Mapping[str, Group], collections: Iterable[str], database: int) -> list[Item]:
    """List groups with their rights on every collection of ours."""
    keys = [ROOT, *collections]
    return [
        Item("group", group.key, {
            "name": group.title,
            "database": database,
            "data": group.data,
            "collections": {key: group.collections.get(key, "none") for key in keys},
            "archived": False,
        })
        for group in groups.values()
    ]  # fmt: skip


def find(client: Client, items: Iterable[Item], found: Found) -> list[Existing]:
    """Read those groups that are there: all users by their mark, others by the number that is noted, else by name."""
    wanted = {item.key: item for item in items}
    if not wanted:
        return []
    groups = client.get("/api/permissions/group")
    graphs = _graphs(client)
    existing = []
    for key, item in wanted.items():
        number = found.noted(item.id).get(NUMBER)
        raw = next((one for one in groups if str(one["id"]) == number), None)
        raw = raw or next((one for one in groups if _is(one, key, item.fields["name"])), None)
        if raw is not None:
            existing.append(_group_of(raw, item, graphs, found))
    return existing


def reread(client: Client, one: Existing, found: Found) -> Existing:
    """Read a group and its rights again."""
    raw = client.get(f"/api/permissions/group/{one.number}")
    return _group_of(raw, one, _graphs(client), found)


def write(client: Client, item: Item, there: Existing | None, found: Found) -> int:
    """Make the group where it is missing, and give it its rights, no more."""
    number: int
    if there is None:
        number = client.post("/api/permissions/group", {"name": item.fields["name"]})["id"]
    else:
        number = there.number
        if item.key != EVERYONE and there.fields["name"] != item.fields["name"]:
            client.put(f"/api/permissions/group/{number}", {"name": item.fields["name"]})
    database = {str(item.fields["database"]): {"view-data": _VIEW, "create-queries": _QUERIES[item.fields["data"]]}}
    _put_graph(client, "/api/permissions/graph", number, database)
    numbers = found.numbers("collection")
    rights = {str(numbers[key]): right for key, right in item.fields["collections"].items()}
    _put_graph(client, "/api/collection/graph", number, rights)
    return number


def _put_graph(client: Client, path: str, group: int, rights: Json) -> None:
    """Write one group's part of a graph against the revision that was read with it."""
    before = _part(client.get(path), group, rights)
    for attempt in range(1, _TRIES + 1):
        graph = client.get(path)
        if _part(graph, group, rights) != before:
            raise EditedError(f"the rights of group {group} were edited in Metabase meanwhile; plan again")
        try:
            client.put(path, {"revision": graph["revision"], "groups": {str(group): rights}})
            return
        except MetabaseRefusedError as refused:
            if refused.status != 409 or attempt == _TRIES:
                raise


def _part(graph: Json, group: int, rights: Json) -> Json:
    there = graph["groups"].get(str(group), {})
    return {key: there.get(key) for key in rights}


def _graphs(client: Client) -> tuple[Json, Json]:
    return client.get("/api/permissions/graph")["groups"], client.get("/api/collection/graph")["groups"]


def _group_of(raw: Json, item: Item | Existing, graphs: tuple[Json, Json], found: Found) -> Existing:
    """Read a group. Both graphs leave out what is not given.

    Read again, it tells of the collections that it told of before: a new one comes with the rights of its parent.
    """
    data, collections = (graph.get(str(raw["id"]), {}) for graph in graphs)
    database = item.fields["database"]
    rights = data.get(str(database), {})
    queries = rights.get("create-queries", "no")
    told = set(item.fields["collections"])
    seen = {key: number for key, number in found.numbers("collection").items() if key in told}
    fields = {
        # Metabase names its own group as it likes.
        "name": item.fields["name"] if item.key == EVERYONE else raw["name"],
        "database": database,
        "data": _data(queries) if rights.get("view-data", "blocked") == _VIEW else "blocked",
        "collections": {key: collections.get(str(number), "none") for key, number in seen.items()},
        "archived": False,
    }
    return Existing("group", item.key, raw["id"], fields, raw)


def _data(queries: Any) -> str:  # Any: one word for the database, or a tree by schemas
    return _DATA.get(queries, "by schema") if isinstance(queries, str) else "by schema"


def _is(raw: Json, key: str, name: str) -> bool:
    if key == EVERYONE:
        return raw.get("magic_group_type", raw["id"]) in _ALL_USERS
    return bool(raw["name"] == name)
