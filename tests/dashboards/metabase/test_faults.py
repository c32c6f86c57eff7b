"""Cut at any write, before or after it was done, an application is healed by the next; no failure is silent."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from dashboards.metabase.apply import prune
from dashboards.metabase.client import Client
from dashboards.metabase.errors import (
    LostWriteError,
    MetabaseError,
    MetabaseMissingError,
    MetabaseRefusedError,
    MetabaseUnreachableError,
    MetabaseVersionError,
)
from dashboards.metabase.wanted import Item
from tests.dashboards.metabase.conftest import Deployer
from tests.dashboards.metabase.server import API_KEY, Fake

Items = dict[str, Item]


@pytest.mark.parametrize("done", [False, True], ids=["before it was done", "after it was done"])
def test_application_that_is_cut_at_any_write_is_healed_by_the_next(
    done: bool, few: Items, metabase: Fake, deployer: Deployer
) -> None:
    cuts = 0
    while True:  # each round starts from nothing and is cut at the next write
        metabase.state.__init__(metabase.state.ask, metabase.state.database)  # type: ignore[misc]
        writes = 0

        def cut(method: str, path: str) -> bool:
            nonlocal writes
            if method == "GET" or path.endswith(("/query", "/translate")):
                return False
            writes += 1
            return writes > cuts  # noqa: B023 - called within the round

        if done:
            metabase.after = cut
        else:
            metabase.before = lambda method, path: 0 if cut(method, path) else None
        try:
            deployer.apply(few)
            break
        except MetabaseError:
            metabase.before, metabase.after = lambda method, path: None, lambda method, path: False
        deployer.apply(few)
        assert deployer.plan(few).changes == ()
        assert len(metabase.state.dashboards) == 1
        assert len(metabase.state.cards) == sum(item.kind == "card" for item in few.values())
        assert len(metabase.state.collections) == 2
        cuts += 1
    assert cuts > len(few)


def test_what_is_no_longer_defined_is_archived_and_never_deleted(
    items: Items, few: Items, metabase: Fake, deployer: Deployer
) -> None:
    deployer.apply(items)
    fewer = {name: item for name, item in items.items() if item.key == "overview" or item.home == "overview"}
    fewer |= {name: items[name] for name in few}
    fewer["dashboard:overview"] = items["dashboard:overview"]
    plan, found = deployer.plan(fewer), deployer.found(fewer)
    assert {one.id for one in plan.unneeded} == set(items) - set(fewer)

    gone = prune(deployer.client, found, plan, lambda what, done, total: None)

    assert set(gone) == set(items) - set(fewer)
    assert deployer.plan(fewer).unneeded == ()
    assert len(metabase.state.cards) == sum(item.kind == "card" for item in items.values())
    assert not any(method == "DELETE" for method, _ in metabase.asked)
    deployer.apply(items, overwrite=True)
    assert deployer.plan(items).changes == ()


def test_write_that_was_taken_and_not_kept_is_an_error(
    few: Items, metabase: Fake, deployer: Deployer, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = metabase.state.change_dashboard

    def forget(number: int, body: dict[str, Any]) -> dict[str, Any]:
        return keep(number, {name: value for name, value in body.items() if name != "dashcards"})

    monkeypatch.setattr(metabase.state, "change_dashboard", forget)
    with pytest.raises(LostWriteError, match=r"dashboard:overview: .* another layout"):
        deployer.apply(few)


def test_card_that_the_server_cannot_run_is_told_with_its_address(
    few: Items, metabase: Fake, deployer: Deployer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = metabase.state.ask

    def fail(sql: str) -> list[tuple[Any, ...]]:
        if "rpt_hiring_funnel" in sql:
            raise RuntimeError("relation does not exist")
        return ask(sql)

    monkeypatch.setattr(metabase.state, "ask", fail)
    broken = deployer.apply(few).broken
    assert {one.card for one in broken} == {"hiring_funnel_overview"}
    assert all(one.url.startswith(f"{metabase.url}/question/") for one in broken)


def test_call_that_may_be_repeated_outlives_a_restart_of_the_server(metabase: Fake) -> None:
    answers = iter([503, 429, None])
    metabase.before = lambda method, path: next(answers)
    waits: list[float] = []
    assert Client(metabase.url, api_key=API_KEY, sleep=waits.append).require_version() == 58
    assert waits == [0.5, 1.0]


def test_a_server_that_never_answers_is_left_after_its_time(metabase: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboards.metabase.client._TIMEOUT", (0.2, 0.2))
    silence = threading.Event()

    def hang(method: str, path: str) -> int:
        silence.wait(10)
        return 0

    metabase.before = hang
    waits: list[float] = []
    client = Client(metabase.url, api_key=API_KEY, sleep=waits.append)
    with pytest.raises(MetabaseUnreachableError, match=r"GET /api/collection: no answer .*Timeout"):
        client.get("/api/collection")
    assert len(waits) == 3
    with pytest.raises(MetabaseUnreachableError, match=r"POST /api/card: no answer"):
        client.post("/api/card", {})
    assert len(waits) == 3
    silence.set()


def test_it_waits_as_long_as_it_is_told(metabase: Fake) -> None:
    answers = iter([429, None])
    metabase.before = lambda method, path: next(answers)
    metabase.retry_after = "7"
    waits: list[float] = []
    assert Client(metabase.url, api_key=API_KEY, sleep=waits.append).require_version() == 58
    assert waits == [7.0]


def test_what_might_have_been_made_is_not_made_twice(metabase: Fake) -> None:
    metabase.before = lambda method, path: 503
    with pytest.raises(MetabaseRefusedError):
        Client(metabase.url, api_key=API_KEY, sleep=lambda seconds: None).post("/api/card", {})
    assert metabase.writes == [("POST", "/api/card")]


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (401, MetabaseRefusedError, "FLUX_METABASE_API_KEY"),
        (403, MetabaseRefusedError, "curate rights"),
        (404, MetabaseMissingError, "GET /api/collection: 404"),
        (302, MetabaseRefusedError, "a redirect"),
        (500, MetabaseRefusedError, "500"),
    ],
)
def test_answer_that_is_no_success_is_an_error_with_what_to_do(
    status: int, error: type[MetabaseError], words: str, metabase: Fake, deployer: Deployer
) -> None:
    metabase.before = lambda method, path: status
    with pytest.raises(error, match=words):
        deployer.client.get("/api/collection")


def test_no_answer_and_no_json_are_told_apart(metabase: Fake, deployer: Deployer) -> None:
    metabase.before = lambda method, path: 200
    with pytest.raises(MetabaseUnreachableError, match="no JSON"):
        deployer.client.get("/api/collection")
    with pytest.raises(MetabaseUnreachableError, match="is it running"):
        Client("http://127.0.0.1:1", api_key="x", sleep=lambda seconds: None).get("/api/collection")
    with pytest.raises(MetabaseUnreachableError, match="FLUX_METABASE_URL"):
        Client("metabase.example.com", api_key="x")


@pytest.mark.parametrize("tag", ["v0.57.9", "v1.49.1", "vLOCAL_DEV"])
def test_version_that_is_too_old_or_unknown_is_refused(tag: str, metabase: Fake, deployer: Deployer) -> None:
    metabase.version = tag
    with pytest.raises(MetabaseVersionError, match=tag):
        deployer.client.require_version()
