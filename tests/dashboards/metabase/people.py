"""Groups and the two graphs of the stand-in: each versioned as a whole, and sparse when it is read."""

from __future__ import annotations

import copy
import itertools
from typing import Any

from tests.dashboards.metabase.strict import Json, RefusedError, of, only, text, wrong

ALL_USERS, ADMINISTRATORS = 1, 2
VIEW = ("unrestricted", "blocked", "legacy-no-self-service", "sandboxed", "impersonated")
QUERIES = ("no", "query-builder", "query-builder-and-native")
RIGHTS = ("none", "read", "write")


class People:
    """Groups, what they may ask of the database, and what they see of collections."""

    def __init__(self, database: int) -> None:
        self.database = database
        self.groups: dict[int, Json] = {
            ALL_USERS: {"id": ALL_USERS, "name": "All Users", "magic_group_type": "all-internal-users"},
            ADMINISTRATORS: {"id": ADMINISTRATORS, "name": "Administrators", "magic_group_type": "admin"},
        }
        everything = {"view-data": "unrestricted", "create-queries": "query-builder-and-native"}
        self.data: dict[int, Json] = {ALL_USERS: everything}
        self.collections: dict[int, dict[str, str]] = {ALL_USERS: {"root": "write"}}
        self.revisions = {"data": 1, "collection": 1}
        self.users: dict[int, Json] = {}
        self.memberships: dict[int, Json] = {}
        self.ended: list[int] = []
        self._numbers = itertools.count(7)

    def list_groups(self) -> list[Json]:
        return [one | {"member_count": 0} for one in self.groups.values()]

    def group(self, number: int) -> Json:
        return of(self.groups, number) | {"members": self._members(number)}

    def _members(self, group: int) -> list[Json]:
        return [
            self.users[one["user_id"]] | {"membership_id": number, "group_id": group, "user_id": one["user_id"]}
            for number, one in self.memberships.items()
            if one["group_id"] == group
        ]

    def join(self, email: str) -> int:
        """Somebody accepted an invitation."""
        number = next(self._numbers)
        self.users[number] = {"id": number, "email": email, "first_name": None, "last_name": None}
        return number

    def list_users(self) -> Json:
        return {"data": [dict(one) for one in self.users.values()], "total": len(self.users)}

    def add_membership(self, body: Json) -> list[Json]:
        only(body, {"group_id", "user_id", "is_group_manager"})
        of(self.groups, body.get("group_id"))
        of(self.users, body.get("user_id"))
        pair = (body["group_id"], body["user_id"])
        if pair in {(one["group_id"], one["user_id"]) for one in self.memberships.values()}:
            raise RefusedError(400, "duplicate key value violates unique constraint")
        if body["group_id"] in (ALL_USERS, ADMINISTRATORS):
            raise RefusedError(400, "not a group of this test's")
        self.memberships[next(self._numbers)] = dict(body)
        return self._members(body["group_id"])

    def end_membership(self, number: int) -> None:
        of(self.memberships, number)
        del self.memberships[number]
        self.ended.append(number)

    def add_group(self, body: Json) -> Json:
        only(body, {"name"})
        if any(one["name"] == text(body, "name") for one in self.groups.values()):
            raise wrong("name", "A group with that name already exists.")
        number = next(self._numbers)
        self.groups[number] = {"id": number, "name": body["name"], "magic_group_type": None}
        self.data[number] = {"view-data": "unrestricted", "create-queries": "no"}
        return dict(self.groups[number])

    def change_group(self, number: int, body: Json) -> Json:
        only(body, {"name"})
        group = of(self.groups, number)
        if group["magic_group_type"] is not None:
            raise RefusedError(400, "You cannot edit a default permissions group.")
        group["name"] = text(body, "name")
        return dict(group)

    def collection_made(self, number: int, parent: int | None) -> None:
        """A new collection has the rights of its parent, as Metabase copies them."""
        for rights in self.collections.values():
            right = rights.get("root" if parent is None else str(parent))
            if right is not None:
                rights[str(number)] = right

    def data_graph(self) -> Json:
        groups = {
            str(number): {str(self.database): {name: one for name, one in data.items() if one not in ("no", "blocked")}}
            for number, data in self.data.items()
        }
        groups[str(ADMINISTRATORS)] = {
            str(self.database): {"view-data": "unrestricted", "create-queries": "query-builder-and-native"}
        }
        return {"revision": self.revisions["data"], "groups": groups}

    def change_data(self, body: Json) -> Json:
        only(body, {"groups", "revision"})  # with "sandboxes" a server without the paid edition says 402
        changes: list[tuple[int, Json]] = []
        for group, databases in self._groups(body, "data"):
            for database, rights in databases.items():
                if database != str(self.database):
                    raise RefusedError(404, "Not found.")
                only(rights, {"view-data", "create-queries", "download", "data-model", "details", "transforms"})
                view, queries = rights.get("view-data"), rights.get("create-queries")
                if (view is not None and view not in VIEW) or (queries is not None and queries not in QUERIES):
                    raise wrong("groups", "Cannot parse permissions graph because it is invalid")
                if view == "blocked":
                    raise RefusedError(402, "The blocked permissions functionality needs a premium token.")
                changes.append((group, rights))
        for group, rights in changes:
            self.data.setdefault(group, {}).update(rights)
        self.revisions["data"] += bool(changes)
        return self.data_graph()

    def collection_graph(self, collections: dict[int, Json]) -> Json:
        alive = {"root", *(str(number) for number, one in collections.items() if not one["archived"])}
        groups: dict[str, Any] = {
            str(group): {key: right for key, right in rights.items() if key in alive and right != "none"}
            for group, rights in self.collections.items()
        }
        groups[str(ADMINISTRATORS)] = dict.fromkeys(sorted(alive), "write")
        return {"revision": self.revisions["collection"], "groups": {key: one for key, one in groups.items() if one}}

    def change_collections(self, body: Json, collections: dict[int, Json]) -> Json:
        only(body, {"groups", "revision", "namespace"})
        for group, rights in self._groups(body, "collection"):
            for key, right in rights.items():
                if right not in RIGHTS:
                    raise wrong("groups", "Invalid collection permissions")
                if key != "root":
                    of(collections, int(key) if key.isdigit() else None)
            self.collections.setdefault(group, {}).update(rights)
        self.revisions["collection"] += 1
        return self.collection_graph(collections)

    def _groups(self, body: Json, graph: str) -> list[tuple[int, Json]]:
        """Check a graph's head: the newest revision, groups that are there, nothing of the administrators."""
        if body.get("revision") != self.revisions[graph]:
            raise RefusedError(409, "Looks like someone else edited the permissions and your data is out of date.")
        found = []
        for key, rights in copy.deepcopy(body["groups"]).items():
            number = int(key) if key.isdigit() else None
            of(self.groups, number)
            if number == ADMINISTRATORS:
                raise RefusedError(400, "You cannot set permissions for the administrators.")
            assert number is not None
            found.append((number, rights))
        return found
