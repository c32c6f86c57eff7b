"""Subscriptions and alerts as files: made once, kept under their numbers, never by a channel that is not set up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dashboards.metabase.apply import prune
from dashboards.metabase.errors import ChannelError, EditedError, MetabaseError, MetabaseRefusedError
from dashboards.metabase.sending import require_channels, sending_items
from dashboards.metabase.surroundings import Alert, Subscription, Surroundings, When
from dashboards.metabase.wanted import Item
from tests.dashboards.metabase.conftest import Deployer
from tests.dashboards.metabase.server import Fake

Items = dict[str, Item]
MONDAYS = Subscription(
    "mondays", "Overview, each Monday", "overview", When("week", 8, "mon"), ("ann@example.com", "bob@example.com")
)
SENT = Surroundings(
    subscriptions={"mondays": MONDAYS},
    alerts={"many": Alert("many", "applications_weekly", "rows", When("day", 7), slack="#data")},
)


def with_sent(few: Items, sent: Surroundings = SENT) -> Items:
    return few | {item.id: item for item in sending_items(sent, few)}


@pytest.fixture
def sent(few: Items) -> Items:
    return with_sent(few)


def pulse(fake: Fake) -> dict[str, Any]:
    [one] = fake.state.sent.pulses.values()
    return one


def alert(fake: Fake) -> dict[str, Any]:
    [one] = fake.state.sent.notifications.values()
    return one


def test_both_are_made_once(sent: Items, metabase: Fake, deployer: Deployer) -> None:
    deployer.apply(sent)

    [channel] = pulse(metabase)["channels"]
    assert (channel["schedule_type"], channel["schedule_day"], channel["schedule_hour"]) == ("weekly", "mon", 8)
    assert [one["email"] for one in channel["recipients"]] == ["ann@example.com", "bob@example.com"]
    assert len(pulse(metabase)["cards"]) == 3
    assert alert(metabase)["subscriptions"][0]["cron_schedule"] == "0 0 7 * * ? *"
    assert alert(metabase)["handlers"][0]["channel_type"] == "channel/slack"
    metabase.asked.clear()
    assert deployer.plan(sent).changes == ()
    deployer.apply(sent)
    assert metabase.writes == []


@pytest.mark.parametrize(
    ("when", "cron"),
    [
        (When("hour"), "0 0 * * * ? *"),
        (When("day", 23), "0 0 23 * * ? *"),
        (When("week", 0, "sun"), "0 0 0 ? * SUN *"),
        (When("month", 6), "0 0 6 1 * ? *"),
    ],
)
def test_every_schedule_is_one_that_the_server_takes(
    when: When, cron: str, few: Items, metabase: Fake, deployer: Deployer
) -> None:
    items = with_sent(few, Surroundings(
        subscriptions={"mondays": replace(MONDAYS, when=when)},
        alerts={"many": Alert("many", "applications_weekly", "rows", when, emails=("ann@example.com",))},
    ))  # fmt: skip
    deployer.apply(items)
    assert alert(metabase)["subscriptions"][0]["cron_schedule"] == cron
    assert deployer.plan(items).changes == ()


def test_a_change_keeps_every_number(sent: Items, few: Items, metabase: Fake, deployer: Deployer) -> None:
    deployer.apply(sent)
    before = pulse(metabase)["id"], pulse(metabase)["channels"][0]["id"], alert(metabase)["id"]
    rows = [one["id"] for one in (*alert(metabase)["handlers"], *alert(metabase)["subscriptions"])]

    anew = with_sent(few, Surroundings(
        subscriptions={"mondays": replace(MONDAYS, emails=("ann@example.com",), csv=True)},
        alerts={"many": replace(SENT.alerts["many"], when=When("day", 9))},
    ))  # fmt: skip
    deployer.apply(anew)

    assert (pulse(metabase)["id"], pulse(metabase)["channels"][0]["id"], alert(metabase)["id"]) == before
    assert [one["id"] for one in (*alert(metabase)["handlers"], *alert(metabase)["subscriptions"])] == rows
    assert all(card["include_csv"] for card in pulse(metabase)["cards"])
    assert deployer.plan(anew).changes == ()


def test_a_changed_dashboard_keeps_its_subscription(sent: Items, metabase: Fake, deployer: Deployer) -> None:
    deployer.apply(sent)
    places = {card["dashboard_card_id"] for card in pulse(metabase)["cards"]}
    board = sent["dashboard:overview"]
    layout = [place | {"at": [place["at"][0] + 2, *place["at"][1:]]} for place in board.fields["layout"]]
    deployer.apply(sent | {board.id: replace(board, fields={**board.fields, "layout": layout})})
    assert {card["dashboard_card_id"] for card in metabase.state.sent.pulse(pulse(metabase)["id"])["cards"]} == places


EDITS: dict[str, tuple[Callable[[Fake], object], str]] = {
    "a subscription is renamed": (lambda fake: pulse(fake).update(name="?"), "subscription:mondays name"),
    "a receiver is added": (
        lambda fake: pulse(fake)["channels"][0]["recipients"].append({"email": "eve@example.com"}),
        "subscription:mondays emails",
    ),
    "its hour moves": (lambda fake: pulse(fake)["channels"][0].update(schedule_hour=9), "subscription:mondays when"),
    "a card is left out": (lambda fake: pulse(fake)["cards"].pop(), "subscription:mondays cards"),
    "rows are attached": (
        lambda fake: [card.update(include_csv=True) for card in pulse(fake)["cards"]],
        "subscription:mondays csv",
    ),
    "spreadsheets are attached": (
        lambda fake: pulse(fake)["cards"][0].update(include_xls=True),
        "subscription:mondays spreadsheet",
    ),
    "it is sent for one value of a filter": (
        lambda fake: pulse(fake).update(parameters=[{"id": "1", "slug": "client", "value": ["Acme"]}]),
        "subscription:mondays filters",
    ),
    "it is stopped": (lambda fake: pulse(fake).update(archived=True), "subscription:mondays archived"),
    "an alert's hour moves": (
        lambda fake: alert(fake)["subscriptions"][0].update(cron_schedule="0 0 9 * * ? *"),
        "alert:many when",
    ),
    "it goes elsewhere": (
        lambda fake: alert(fake)["handlers"][0]["recipients"][0]["details"].update(value="#all"),
        "alert:many slack",
    ),
    "its condition changes": (
        lambda fake: alert(fake)["payload"].update(send_condition="goal_above"),
        "alert:many sends",
    ),
    "it is sent once": (lambda fake: alert(fake)["payload"].update(send_once=True), "alert:many once"),
    "an alert is stopped": (lambda fake: alert(fake).update(active=False), "alert:many archived"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_an_edit_is_told_and_not_written_over_unasked(
    edit: tuple[Callable[[Fake], object], str], sent: Items, metabase: Fake, deployer: Deployer
) -> None:
    deployer.apply(sent)
    edit[0](metabase)
    changes = deployer.plan(sent).changes
    assert [f"{change.item.id} {one.name}" for change in changes for one in change.fields] == [edit[1]]
    assert {one.cause for change in changes for one in change.fields} == {"edited"}
    with pytest.raises(EditedError):
        deployer.apply(sent)
    deployer.apply(sent, overwrite=True)
    assert deployer.plan(sent).changes == ()


def test_a_channel_that_is_switched_off_is_told(sent: Items, metabase: Fake, deployer: Deployer) -> None:
    deployer.apply(sent)
    pulse(metabase)["channels"][0]["enabled"] = False
    [change] = deployer.plan(sent).edits
    assert {one.name for one in change.fields} == {"when", "emails"}
    deployer.apply(sent, overwrite=True)
    assert pulse(metabase)["channels"][0]["enabled"] is True


@pytest.mark.parametrize("channel", ["email", "slack"])
def test_a_channel_that_is_not_set_up_is_told_before_anything_is_written(
    channel: str, sent: Items, metabase: Fake, deployer: Deployer
) -> None:
    metabase.state.sent.configured[channel] = False
    with pytest.raises(ChannelError, match=rf"goes by {channel}, which is not set up in Metabase"):
        require_channels(deployer.client, sent.values())
    assert metabase.writes == []


def test_without_anything_to_send_no_channel_is_asked_for(few: Items, metabase: Fake, deployer: Deployer) -> None:
    require_channels(deployer.client, few.values())
    assert metabase.asked == []


@pytest.mark.parametrize("done", [False, True], ids=["before it was done", "after it was done"])
def test_what_was_cut_is_not_sent_twice(
    done: bool, sent: Items, few: Items, metabase: Fake, deployer: Deployer
) -> None:
    deployer.apply(few)
    for cuts in range(4):  # two that are made, and two notes of them
        left = iter(range(cuts))

        def cut(method: str, path: str) -> bool:
            asks = method == "GET" or path.endswith(("/query", "/translate"))
            return not asks and next(left, None) is None  # noqa: B023 - called within the round

        if done:
            metabase.after = cut
        else:
            metabase.before = lambda method, path: 0 if cut(method, path) else None
        with pytest.raises(MetabaseError):
            deployer.apply(sent)
        metabase.before, metabase.after = lambda method, path: None, lambda method, path: False
        deployer.apply(sent)
        assert deployer.plan(sent).changes == ()
        assert len(metabase.state.sent.pulses) == len(metabase.state.sent.notifications) == 1
        prune(deployer.client, deployer.found(few), deployer.plan(few), lambda what, done, total: None)
        metabase.state.sent.pulses.clear()
        metabase.state.sent.notifications.clear()


def test_what_is_defined_no_more_is_stopped_and_can_be_taken_up_again(
    sent: Items, few: Items, metabase: Fake, deployer: Deployer
) -> None:
    deployer.apply(sent)
    theirs = metabase.state.sent.add_pulse(
        {"name": "Mine"} | {name: pulse(metabase)[name] for name in ("dashboard_id", "cards", "channels")}
    )
    gone = prune(deployer.client, deployer.found(few), deployer.plan(few), lambda what, done, total: None)
    assert gone == ["alert:many", "subscription:mondays"]
    assert [one["archived"] for one in metabase.state.sent.pulses.values()] == [True, False]
    assert not alert(metabase)["active"]
    assert deployer.plan(few).unneeded == ()

    deployer.apply(sent, overwrite=True)
    assert deployer.plan(sent).changes == ()
    assert metabase.state.sent.pulse(theirs["id"])["name"] == "Mine"


CARD = {"include_csv": False, "include_xls": False}
CHANNEL = {"channel_type": "email", "enabled": True, "schedule_type": "daily", "schedule_hour": 8, "recipients": []}


@pytest.mark.parametrize(
    ("path", "change", "status"),
    [
        ("/api/pulse", {"channels": [CHANNEL | {"schedule_hour": 25}]}, 500),
        ("/api/pulse", {"channels": [CHANNEL | {"channel_type": "channel/email"}]}, 400),
        ("/api/pulse", {"channels": []}, 400),
        ("/api/pulse", {"cards": [CARD | {"id": 1, "dashboard_card_id": 1}]}, 404),
        ("/api/pulse", {"when": "daily"}, 400),
        (
            "/api/notification",
            {"subscriptions": [{"type": "notification-subscription/cron", "cron_schedule": "0 8 * * *"}]},
            400,
        ),
        ("/api/notification", {"payload": {"card_id": 999}}, 404),
        ("/api/notification", {"handlers": [{"channel_type": "email"}]}, 400),
        ("/api/notification", {"payload_type": "notification/pulse"}, 400),
    ],
)
def test_the_stand_in_refuses(
    path: str, change: dict[str, Any], status: int, sent: Items, metabase: Fake, deployer: Deployer
) -> None:
    deployer.apply(sent)
    if path == "/api/pulse":
        one = pulse(metabase)
        body = {name: one[name] for name in ("name", "dashboard_id", "cards", "channels")}
    else:
        one = alert(metabase)
        body = {"payload_type": "notification/card", "payload": {"card_id": one["payload"]["card_id"]}}
        body |= {
            "subscriptions": [{"type": "notification-subscription/cron", "cron_schedule": "0 0 8 * * ? *"}],
            "handlers": [{"channel_type": "channel/email", "recipients": []}],
        }
    with pytest.raises(MetabaseRefusedError) as refused:
        deployer.client.post(path, body | change)
    assert refused.value.status == status
