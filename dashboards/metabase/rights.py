"""Groups, who is in them, and their rights on what is ours: the database with the published models, our collections.

Rights of a person add up over groups, and everybody is in Metabase's group of all users: so that one is an item, too.
Nothing else of the two graphs is touched. Both graphs are versioned as a whole: when somebody changed another part of
one meanwhile, it is read again; when he changed ours, the plan is out of date. Where the file lists a group's people
they are put in and taken out; who has no account there is told and not invited: that sends mail, and is an
administrator's to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
_ADMINISTRATORS: Final = ("admin", 2)  # as above: they may do everything
_TRIES: Final = 3


def accounts(client: Client, groups: Mapping[str, Group]) -> dict[str, int]:
    """Give the numbers of accounts by address; nothing is asked where no group lists people."""
    if all(group.people is None for group in groups.values()):
        return {}
    return {_address(one): int(one["id"]) for one in client.get("/api/user")["data"]}


def without_account(groups: Mapping[str, Group], known: Mapping[str, int]) -> list[str]:
    """List people of the file who have no account there."""
    return sorted({email.lower() for group in groups.values() for email in group.people or ()} - set(known))


def group_items(
    groups: Mapping[str, Group], collections: Iterable[str], database: int, known: Mapping[str, int]
) -> list[Item]:
    """List groups with their rights on every collection of ours; `known` are the accounts."""
    keys = [ROOT, *collections]
    return [
        Item("group", group.key, {
            "name": group.title,
            "database": database,
            "data": group.data,
            "collections": {key: group.collections.get(key, "none") for key in keys},
            "archived": False,
        } | ({} if group.people is None else {"people": sorted({one.lower() for one in group.people} & set(known))}))
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
            if "people" in item.fields:
                raw |= {"members": client.get(f"/api/permissions/group/{raw['id']}")["members"]}
            existing.append(_group_of(raw, item, graphs, found))
    ours = {one.number for one in existing}
    database = next(iter(wanted.values())).fields["database"]
    found.exposed += [
        f"the group {raw['name']!r}, which access.yaml does not name, may {what}"
        for raw in groups
        if raw["id"] not in ours and not _is_administrators(raw)
        for what in _may(raw["id"], database, graphs, found)
    ]
    return existing


def _may(group: int, database: int, graphs: tuple[Json, Json], found: Found) -> Iterator[str]:
    """Say what a group may do with what is ours, beyond seeing what dashboards show it."""
    data, collections = (graph.get(str(group), {}) for graph in graphs)
    queries = data.get(str(database), {}).get("create-queries", "no")
    if queries != "no":
        yield "ask the database" if _data(queries) != "sql" else "ask the database in SQL"
    for key, number in found.numbers("collection").items():
        if (right := collections.get(str(number), "none")) != "none":
            yield f"{right} the collection {key!r}"


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
    if "people" in item.fields:
        _put_people(client, number, item.fields["people"], found.accounts)
    return number


def _put_people(client: Client, group: int, people: Iterable[str], known: Mapping[str, int]) -> None:
    """Put in who is missing, take out who is not listed: the one thing that is deleted, since a right must end."""
    there = _members(client.get(f"/api/permissions/group/{group}"))
    for email in people:
        if email not in there:
            client.post("/api/permissions/membership", {"group_id": group, "user_id": known[email]})
    for email in there.keys() - set(people):
        client.delete(f"/api/permissions/membership/{there[email]}")


def _members(raw: Json) -> dict[str, int]:
    """Number the memberships by address; an API key is a member, too, and nobody."""
    return {
        _address(one): int(one["membership_id"])
        for one in raw.get("members") or []
        if not _address(one).endswith("@api-key.invalid")
    }


def _address(raw: Json) -> str:
    return str(raw["email"]).lower()


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
    } | ({"people": sorted(_members(raw))} if "people" in item.fields else {})
    return Existing("group", item.key, raw["id"], fields, raw)


def _data(queries: Any) -> str:  # Any: one word for the database, or a tree by schemas
    return _DATA.get(queries, "by schema") if isinstance(queries, str) else "by schema"


def _is_administrators(raw: Json) -> bool:
    return raw.get("magic_group_type", raw["id"]) in _ADMINISTRATORS


def _is(raw: Json, key: str, name: str) -> bool:
    if key == EVERYONE:
        return raw.get("magic_group_type", raw["id"]) in _ALL_USERS
    return bool(raw["name"] == name)
