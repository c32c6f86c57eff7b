"""Who is who, told by a plain union-find over a list of calls: the oracle of int_identity_map.

It knows the rules and nothing of the SQL. Calls are Segment's, as an SDK sends them, of one source.
"""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any  # Any: calls are JSON

PLACEHOLDERS = ("null", "Anonymous", "00000000-0000-0000-0000-000000000000", "0", "-", " undefined ")
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
Call = dict[str, Any]


def random_calls(chance: random.Random, count: int, devices: int, users: int) -> list[Call]:
    """Identify and alias calls over few ids, so that they meet; some ids are placeholders, some times equal."""
    anonymous = [f"d{number}" for number in range(devices)] + list(PLACEHOLDERS)
    people = [f"u{number}" for number in range(users)] + list(PLACEHOLDERS[:3])
    calls: list[Call] = []
    for number in range(count):
        at = (START + timedelta(minutes=chance.randrange(60))).isoformat()
        call: Call = {"messageId": f"m{number}", "timestamp": at, "userId": chance.choice(people)}
        if chance.random() < 0.3:
            call |= {"type": "alias", "previousId": chance.choice(people if chance.random() < 0.7 else anonymous)}
        else:
            call |= {"type": "identify", "traits": {}}
            if chance.random() < 0.9:
                call["anonymousId"] = chance.choice(anonymous)
            if chance.random() < 0.6:
                call["traits"] = {
                    "client_id": 1 + (int(call["userId"][1:]) % 7 == 0 if call["userId"][1:].isdigit() else 0)
                }
        calls.append(call)
    return calls


class UnionFind:
    """Disjoint sets of ids."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._parent = {name: name for name in ids}

    def find(self, name: str) -> str:
        while self._parent[name] != name:
            name = self._parent[name]
        return name

    def join(self, one: str, other: str) -> None:
        self._parent[self.find(one)] = self.find(other)

    def groups(self) -> list[set[str]]:
        found = defaultdict(set)
        for name in self._parent:
            found[self.find(name)].add(name)
        return list(found.values())


def identity_map(
    calls: Iterable[Call], users_per_id: int = 1, former_ids_per_user: int = 10
) -> set[tuple[object, ...]]:
    """Rows of the map: kind, id, user, client, users, conflicts, shared, first and last call."""
    real = [call for call in calls if _real(call["userId"])]
    users = {call["userId"] for call in real}
    claims: dict[tuple[str, str], list[tuple[str, Call]]] = defaultdict(list)
    became: dict[str, set[str]] = defaultdict(set)
    formers: dict[str, set[str]] = defaultdict(set)
    for call in real:
        user: str = call["userId"]
        former: str = call.get("previousId", "")
        claims["user", user].append((user, call))
        if call["type"] == "alias" and former in users:
            claims["user", former].append((user, call))
            if former != user:
                became[former].add(user)
                formers[user].add(former)
        elif _real(former or call.get("anonymousId")):
            claims["device", former or call["anonymousId"]].append((user, call))

    aliases = [
        (former, user)
        for former, targets in became.items()
        for user in targets
        if len(targets) <= users_per_id and len(formers[user]) <= former_ids_per_user
    ]
    sets = UnionFind(users)
    for former, user in aliases:
        sets.join(former, user)
    logins = {user: sets.find(user) for user in users}
    for (kind, _), made in claims.items():
        seen = {logins[user] for user, _ in made}
        if kind == "device" and len(seen) <= users_per_id:
            for login in seen:
                sets.join(min(seen), login)

    person: dict[str, str] = {}
    for group in sets.groups():
        clients = {_client(call) for call in real if call["userId"] in group} - {None}
        parts = [group] if len(clients) < 2 else [{one} for one in group]
        for part in parts:
            person |= dict.fromkeys(part, _name(part, {former for former, _ in aliases}, claims))
    return {_row(key, made, person) for key, made in claims.items()}


def _row(key: tuple[str, str], made: list[tuple[str, Call]], person: Mapping[str, str]) -> tuple[object, ...]:
    kind, known = key
    persons = {person[user] for user, _ in made}
    clients = {client for _, call in made if (client := _client(call)) is not None}
    times = [call["timestamp"] for _, call in made]
    shared = kind == "device" and len(persons) > 1
    user = person[known] if kind == "user" else None if shared else min(persons)
    conflicts = len(persons) - 1 if kind == "user" else len(persons) * shared
    client = min(clients) if len(clients) == 1 else None
    return (kind, known, user, client, len({user for user, _ in made}), conflicts, shared, min(times), max(times))


def _name(part: set[str], former: set[str], claims: Mapping[tuple[str, str], list[tuple[str, Call]]]) -> str:
    """The newest id that no alias leads away from."""

    def order(user: str) -> tuple[bool, float, str]:
        first = min(call["timestamp"] for named, call in claims["user", user] if named == user)
        return (user in former, -datetime.fromisoformat(first).timestamp(), hashlib.md5(user.encode()).hexdigest())

    return min(part, key=order)


def _client(call: Call) -> int | None:
    client: int | None = call.get("traits", {}).get("client_id")
    return client


def _real(name: object) -> bool:
    return name is not None and name not in PLACEHOLDERS
