"""Groups get the rights that access.yaml gives, no more; what others may elsewhere is not touched."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dashboards.metabase.errors import EditedError, MetabaseError, MetabaseRefusedError
from dashboards.metabase.found import Found
from dashboards.metabase.plan import Plan, plan
from dashboards.metabase.rights import accounts, group_items, without_account
from dashboards.metabase.surroundings import Group
from dashboards.metabase.wanted import Item
from tests.dashboards.metabase.conftest import DATABASE, Deployer
from tests.dashboards.metabase.people import ADMINISTRATORS, ALL_USERS
from tests.dashboards.metabase.server import Fake

Items = dict[str, Item]
GROUPS = {
    "everyone": Group("everyone", "All Users", "none"),
    "leaders": Group("leaders", "Leaders", "none", {"leadership": "read"}),
    "analysts": Group("analysts", "Analysts", "sql", {"leadership": "write"}),
}


@pytest.fixture
def grouped(few: Items) -> Items:
    return few | {item.id: item for item in group_items(GROUPS, ["leadership"], DATABASE, {})}


def number_of(fake: Fake, name: str) -> int:
    return next(number for number, one in fake.state.people.groups.items() if one["name"] == name)


def seen(fake: Fake, group: int) -> dict[str, str]:
    names = {str(number): one["name"] for number, one in fake.state.collections.items()}
    rights = fake.state.people.collection_graph(fake.state.collections)["groups"].get(str(group), {})
    return {names.get(key, key): right for key, right in rights.items()}


def asks(fake: Fake, group: int) -> str | None:
    rights: dict[str, str] = fake.state.people.data_graph()["groups"][str(group)].get(str(DATABASE), {})
    return rights.get("create-queries")


def test_leaders_read_their_collection_and_ask_nothing(grouped: Items, metabase: Fake, deployer: Deployer) -> None:
    deployer.apply(grouped)

    leaders, analysts = number_of(metabase, "Leaders"), number_of(metabase, "Analysts")
    assert seen(metabase, leaders) == {"Leadership": "read"}
    assert asks(metabase, leaders) is None
    assert (seen(metabase, analysts), asks(metabase, analysts)) == ({"Leadership": "write"}, "query-builder-and-native")
    assert seen(metabase, ALL_USERS) == {"root": "write"}  # what is not ours stays as it was
    assert asks(metabase, ALL_USERS) is None
    assert deployer.plan(grouped).changes == ()


def test_rights_are_set_before_anything_is_put_in_a_collection(
    grouped: Items, metabase: Fake, deployer: Deployer
) -> None:
    deployer.apply(grouped)
    writes = [path for method, path in metabase.writes if method in ("POST", "PUT")]
    last = max(place for place, path in enumerate(writes) if path == "/api/collection/graph")
    assert last < writes.index("/api/card")


EDITS: dict[str, tuple[Callable[[Fake, int], object], str]] = {
    "it may ask": (lambda fake, n: fake.state.people.data[n].update({"create-queries": "query-builder"}), "data"),
    "it may ask some tables": (
        lambda fake, n: fake.state.people.data[n].update({"create-queries": {"marts": "query-builder"}}),
        "data",
    ),
    "it is blocked": (lambda fake, n: fake.state.people.data[n].pop("view-data"), "data"),
    "it is renamed": (lambda fake, n: fake.state.people.groups[n].update(name="Bosses"), "name"),
    "it may write": (
        lambda fake, n: fake.state.people.collections[n].update(
            dict.fromkeys(fake.state.people.collections[n], "write")
        ),
        "collections",
    ),
    "it sees nothing": (lambda fake, n: fake.state.people.collections[n].clear(), "collections"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_an_edit_of_rights_is_told_and_not_written_over_unasked(
    edit: tuple[Callable[[Fake, int], object], str], grouped: Items, metabase: Fake, deployer: Deployer
) -> None:
    deployer.apply(grouped)
    edit[0](metabase, number_of(metabase, "Leaders"))

    told = [(change.item.id, one.name, one.cause) for change in deployer.plan(grouped).changes for one in change.fields]
    assert told == [("group:leaders", edit[1], "edited")]
    with pytest.raises(EditedError, match="group:leaders"):
        deployer.apply(grouped)
    deployer.apply(grouped, overwrite=True)
    assert deployer.plan(grouped).changes == ()


def test_a_group_of_that_name_is_taken_and_others_are_left_alone(
    grouped: Items, metabase: Fake, deployer: Deployer
) -> None:
    people = metabase.state.people
    people.add_group({"name": "Leaders"})
    theirs = people.add_group({"name": "Sales"})["id"]
    deployer.apply(grouped)
    assert sorted(one["name"] for one in people.groups.values()) == [
        "Administrators", "All Users", "Analysts", "Leaders", "Sales",
    ]  # fmt: skip
    assert people.data[theirs] == {"view-data": "unrestricted", "create-queries": "no"}


def test_a_change_of_other_rights_meanwhile_is_read_again(grouped: Items, metabase: Fake, deployer: Deployer) -> None:
    meddled: list[str] = []

    def meddle(method: str, path: str) -> None:
        if method == "PUT" and path == "/api/permissions/graph" and not meddled:
            meddled.append(path)
            metabase.state.people.revisions["data"] += 1

    metabase.before = meddle
    deployer.apply(grouped)
    assert meddled
    assert ("PUT", "/api/permissions/graph") in metabase.writes
    assert deployer.plan(grouped).changes == ()


def test_a_change_of_the_same_rights_meanwhile_is_an_error(grouped: Items, metabase: Fake, deployer: Deployer) -> None:
    deployer.apply(grouped)
    leaders = number_of(metabase, "Leaders")
    anew = dict(grouped)
    anew["group:leaders"] = replace(anew["group:leaders"], fields={**anew["group:leaders"].fields, "data": "builder"})
    meddled: list[str] = []

    def meddle(method: str, path: str) -> None:
        if method == "PUT" and path == "/api/permissions/graph" and not meddled:
            meddled.append(path)
            metabase.state.people.revisions["data"] += 1
            metabase.state.people.data[leaders]["create-queries"] = "query-builder-and-native"

    metabase.before = meddle
    with pytest.raises(EditedError, match="edited in Metabase meanwhile"):
        deployer.apply(anew)


@pytest.mark.parametrize("done", [False, True], ids=["before it was done", "after it was done"])
def test_giving_rights_that_is_cut_at_any_write_goes_on(
    done: bool, grouped: Items, metabase: Fake, deployer: Deployer
) -> None:
    """Also where rights changed since the last time: what is half given is no edit of somebody's."""
    deployer.apply(grouped)
    data = itertools.cycle(["builder", "sql"])
    for cuts in range(4):  # two graphs, a note, and the name
        number, one = cuts, grouped["group:leaders"]
        fields = {**one.fields, "name": f"Leaders {number}", "data": next(data)}
        fields["collections"] = {**one.fields["collections"], "leadership": ("read", "write")[number % 2]}
        anew = grouped | {one.id: replace(one, fields=fields)}
        left = iter(range(cuts))

        def cut(method: str, path: str) -> bool:
            return method != "GET" and next(left, None) is None  # noqa: B023 - called within the round

        if done:
            metabase.after = cut
        else:
            metabase.before = lambda method, path: 0 if cut(method, path) else None
        with pytest.raises(MetabaseError):
            deployer.apply(anew)
        metabase.before, metabase.after = lambda method, path: None, lambda method, path: False
        deployer.apply(anew)
        assert deployer.plan(anew).changes == ()


def test_rights_of_groups_that_no_file_names_are_told_and_left_alone(
    grouped: Items, metabase: Fake, deployer: Deployer
) -> None:
    deployer.apply(grouped)
    people = metabase.state.people
    theirs = people.add_group({"name": "Sales"})["id"]
    number = next(number for number, one in metabase.state.collections.items() if one["name"] == "Leadership")
    people.collections[theirs] = {str(number): "read"}
    people.data[theirs]["create-queries"] = "query-builder-and-native"

    plan = deployer.plan(grouped)

    assert plan.changes == ()
    assert plan.exposed == (
        "the group 'Sales', which access.yaml does not name, may ask the database in SQL",
        "the group 'Sales', which access.yaml does not name, may read the collection 'leadership'",
    )
    deployer.apply(grouped)
    assert people.collections[theirs] == {str(number): "read"}


def test_public_links_are_told(grouped: Items, metabase: Fake, deployer: Deployer) -> None:
    deployer.apply(grouped)
    next(iter(metabase.state.dashboards.values()))["public_uuid"] = "d2a1"
    card = next(one for one in metabase.state.cards.values() if one["name"] == "Applications")
    card["public_uuid"] = "d2a2"
    assert deployer.plan(grouped).exposed == (
        "card:applications has a public link: who knows it sees it",
        "dashboard:overview has a public link: who knows it sees it",
    )


LISTED = replace(GROUPS["leaders"], people=("Ann@example.com", "bob@example.com", "new@example.com"))


def with_people(few: Items, deployer: Deployer, group: Group = LISTED) -> tuple[Items, Found]:
    groups = GROUPS | {"leaders": group}
    known = accounts(deployer.client, groups)
    items = group_items(groups, ["leadership"], DATABASE, known)
    return few | {item.id: item for item in items}, Found(accounts=known)


def members(fake: Fake, name: str = "Leaders") -> list[str]:
    return sorted(one["email"] for one in fake.state.people.group(number_of(fake, name))["members"])


def apply_people(few: Items, deployer: Deployer, group: Group = LISTED, *, overwrite: bool = False) -> Plan:
    items, found = with_people(few, deployer, group)
    deployer.apply(items, found, overwrite=overwrite)
    items, found = with_people(few, deployer, group)
    return plan(items, deployer.found(items, found))


def test_people_of_the_file_are_in_their_group_and_nobody_is_invited(
    few: Items, metabase: Fake, deployer: Deployer
) -> None:
    people = metabase.state.people
    for email in ("ann@example.com", "bob@example.com", "eve@example.com"):
        people.join(email)

    assert apply_people(few, deployer).changes == ()
    assert members(metabase) == ["ann@example.com", "bob@example.com"]
    assert without_account(GROUPS | {"leaders": LISTED}, accounts(deployer.client, {"leaders": LISTED})) == [
        "new@example.com"
    ]
    assert len(people.users) == 3
    people.join("new@example.com")
    apply_people(few, deployer)
    assert members(metabase) == ["ann@example.com", "bob@example.com", "new@example.com"]
    apply_people(few, deployer, replace(LISTED, people=("bob@example.com",)))
    assert members(metabase) == ["bob@example.com"]
    assert {path for method, path in metabase.writes if method == "DELETE"} == {
        f"/api/permissions/membership/{number}" for number in people.ended
    }


def test_who_was_put_in_by_hand_is_told_and_stays_unless_it_is_written_over(
    few: Items, metabase: Fake, deployer: Deployer
) -> None:
    people = metabase.state.people
    people.join("ann@example.com")
    eve = people.join("eve@example.com")
    apply_people(few, deployer)
    people.add_membership({"group_id": number_of(metabase, "Leaders"), "user_id": eve})
    key = people.join("api-key-user-7@api-key.invalid")  # a key may be in a group, too
    people.add_membership({"group_id": number_of(metabase, "Leaders"), "user_id": key})

    with pytest.raises(EditedError, match="group:leaders"):
        apply_people(few, deployer)
    assert "eve@example.com" in members(metabase)
    apply_people(few, deployer, overwrite=True)
    assert members(metabase) == ["ann@example.com", "api-key-user-7@api-key.invalid"]


def test_a_group_without_a_list_keeps_its_people(grouped: Items, metabase: Fake, deployer: Deployer) -> None:
    deployer.apply(grouped)
    people = metabase.state.people
    people.add_membership({"group_id": number_of(metabase, "Leaders"), "user_id": people.join("ann@example.com")})
    assert deployer.plan(grouped).changes == ()


REFUSED: dict[str, tuple[str, dict[str, Any], int]] = {
    "a stale revision": ("/api/permissions/graph", {"revision": 0, "groups": {}}, 409),
    "no revision": ("/api/collection/graph", {"groups": {}}, 409),
    "an unknown group": ("/api/permissions/graph", {"revision": 1, "groups": {"99": {}}}, 404),
    "an unknown database": ("/api/permissions/graph", {"revision": 1, "groups": {"1": {"99": {}}}}, 404),
    "an unknown right": (
        "/api/permissions/graph",
        {"revision": 1, "groups": {"1": {str(DATABASE): {"create-queries": "native"}}}},
        400,
    ),
    "what is paid for": (
        "/api/permissions/graph",
        {"revision": 1, "groups": {"1": {str(DATABASE): {"view-data": "blocked"}}}},
        402,
    ),
    "administrators": ("/api/collection/graph", {"revision": 1, "groups": {str(ADMINISTRATORS): {}}}, 400),
    "an unknown collection": ("/api/collection/graph", {"revision": 1, "groups": {"1": {"99": "read"}}}, 404),
}


@pytest.mark.parametrize(("path", "body", "status"), REFUSED.values(), ids=REFUSED.keys())
def test_the_stand_in_refuses(path: str, body: dict[str, Any], status: int, deployer: Deployer) -> None:
    with pytest.raises(MetabaseRefusedError) as refused:
        deployer.client.put(path, body)
    assert refused.value.status == status
