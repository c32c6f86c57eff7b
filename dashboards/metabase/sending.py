"""Subscriptions (a dashboard, regularly) and alerts (a card, on a condition), as Metabase keeps them.

Neither has a text for a marker, so the root collection's notes their numbers. One whose number is not noted (its maker
died between) is known by what it is: the subscription of our dashboard with that very title, the alert of our card with
those very fields. A channel that is not set up is an error before anything is written: Metabase takes such a one and
never sends it. A changed subscription keeps its number, and the numbers of its cards' places on the dashboard.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from dashboards.metabase.client import Client
from dashboards.metabase.errors import ChannelError, MetabaseMissingError
from dashboards.metabase.found import Existing, Found
from dashboards.metabase.identity import NUMBER
from dashboards.metabase.surroundings import Alert, Condition, Each, Subscription, Surroundings, When
from dashboards.metabase.wanted import ROOT, Item

Json = dict[str, Any]  # Any: the server's own shape
_SENDS: Final[Mapping[Condition, str]] = {
    "rows": "has_result",
    "above_target": "goal_above",
    "below_target": "goal_below",
}
_EACH: Final = {"hour": "hourly", "day": "daily", "week": "weekly", "month": "monthly"}
_WHERE: Final = {
    "email": "Admin settings, Email",
    "slack": "Admin settings, Notification channels, Slack",
}
_PATHS: Final = {"subscription": "/api/pulse", "alert": "/api/notification"}


def sending_items(surroundings: Surroundings, dashboards: Mapping[str, Item]) -> list[Item]:
    """List what should be sent; `dashboards` are the wanted ones, by id."""
    items = [_subscription(one, dashboards) for one in surroundings.subscriptions.values()]
    return items + [_alert(one) for one in surroundings.alerts.values()]


def require_channels(client: Client, items: Iterable[Item]) -> None:
    """Raise ChannelError for the first item that goes by a channel which Metabase cannot send by yet."""
    ours = [item for item in items if item.kind in _PATHS]
    if not ours:
        return
    channels = client.get("/api/pulse/form_input")["channels"]
    for item in ours:
        name = "slack" if item.fields["slack"] is not None else "email"
        if not channels.get(name, {}).get("configured"):
            raise ChannelError(
                f"{item.id} goes by {name}, which is not set up in Metabase: it would take the {item.kind} and never"
                f" send it; set it up there ({_WHERE[name]})"
            )


def find(client: Client, items: Iterable[Item], found: Found) -> list[Existing]:
    """Read subscriptions and alerts that are ours: noted ones, and those that their maker had no time to note."""
    root = found.items.get(f"collection:{ROOT}")
    noted = root.marker.applied if root is not None and root.marker is not None else {}
    numbers = {item: int(said[NUMBER]) for item, said in noted.items() if item.partition(":")[0] in _PATHS}
    existing = []
    for item, number in numbers.items():
        kind, _, key = item.partition(":")
        try:
            raw = client.get(f"{_PATHS[kind]}/{number}")
        except MetabaseMissingError:  # somebody deleted it
            continue
        existing.append(_read(kind, key, raw, found))
    for one in items:
        if one.kind in _PATHS and one.id not in {there.id for there in existing}:
            existing += _unnoted(client, one, found, set(numbers.values()))
    return existing


def _unnoted(client: Client, item: Item, found: Found, noted: set[int]) -> Iterator[Existing]:
    if item.kind == "subscription":
        board = found.items.get(f"dashboard:{item.fields['dashboard']}")
        pulses = [] if board is None else client.get("/api/pulse", dashboard_id=board.number)
        same = [raw for raw in pulses if raw["name"] == item.fields["name"]]
    else:
        card = found.items.get(f"card:{item.fields['card']}")
        alerts = [] if card is None else client.get("/api/notification", card_id=card.number)
        same = [raw for raw in alerts if _alert_of(item.key, raw, found).fields == item.fields]
    for raw in [one for one in same if one["id"] not in noted][:1]:
        yield _read(item.kind, item.key, raw, found)


def reread(client: Client, one: Existing, found: Found) -> Existing:
    """Read one again."""
    return _read(one.kind, one.key, client.get(f"{_PATHS[one.kind]}/{one.number}"), found)


def write(client: Client, item: Item, there: Existing | None, found: Found) -> int:
    """Make or change one, whole: what a PUT leaves out gets the server's default."""
    body = _pulse_body(item, found) if item.kind == "subscription" else _alert_body(item, there, found)
    path = _PATHS[item.kind]
    if there is None:
        number: int = client.post(path, body)["id"]
        return number
    if item.kind == "subscription":
        body = {name: value for name, value in body.items() if name != "dashboard_id"} | {
            "archived": item.fields["archived"]
        }
        body["channels"] = [channel | _kept(there) for channel in body["channels"]]
    client.put(f"{path}/{there.number}", body)
    return there.number


def archive(client: Client, one: Existing) -> None:
    """Stop one; it can be taken up again in Metabase."""
    if one.kind == "subscription":
        names = ("name", "cards", "channels", "skip_if_empty", "parameters")
        client.put(f"/api/pulse/{one.number}", {name: one.raw[name] for name in names if name in one.raw} | {
            "archived": True
        })  # fmt: skip
    else:
        client.put(f"/api/notification/{one.number}", one.raw | {"active": False})


# ---------- subscriptions


def _subscription(one: Subscription, dashboards: Mapping[str, Item]) -> Item:
    layout = dashboards[f"dashboard:{one.dashboard}"].fields["layout"]
    return Item("subscription", one.key, {
        "name": one.title,
        "dashboard": one.dashboard,
        "cards": sorted(place["card"] for place in layout if "card" in place),
        "csv": one.csv,
        "spreadsheet": False,
        "skip_if_empty": one.skip_if_empty,
        "filters": {},
        "archived": False,
        **_sent(one),
    })  # fmt: skip


def _sent(one: Subscription | Alert) -> Json:
    return {"when": _when(one.when), "emails": sorted(one.emails), "slack": one.slack}


def _when(when: When) -> Json:
    return {"each": when.each, "hour": when.hour, "day": when.day, "of": _of(when.each)}


def _of(each: Each) -> str | None:
    """Which day of a month."""
    return "first" if each == "month" else None


def _pulse_body(item: Item, found: Found) -> Json:
    fields = item.fields
    board, keys = found.items[f"dashboard:{fields['dashboard']}"], found.keys("card")
    places = [one for one in board.raw["dashcards"] if keys.get(one.get("card_id") or 0) in fields["cards"]]
    when = fields["when"]
    channel: Json = {
        "channel_type": "email" if fields["slack"] is None else "slack",
        "enabled": True,
        "schedule_type": _EACH[when["each"]],
        "schedule_hour": when["hour"],
        "schedule_day": when["day"],
        "schedule_frame": when["of"],
        "recipients": [{"email": email} for email in fields["emails"]],
        "details": {} if fields["slack"] is None else {"channel": fields["slack"]},
    }
    return {
        "name": fields["name"],
        "dashboard_id": board.number,
        "cards": [
            {
                "id": one["card_id"],
                "dashboard_card_id": one["id"],
                "include_csv": fields["csv"],
                "include_xls": False,
            }
            for one in places
        ],
        "channels": [channel],
        "skip_if_empty": fields["skip_if_empty"],
        "parameters": [],
    }


def _kept(there: Existing) -> Json:
    """The channel's own number, so that it is changed and not made anew."""
    channels = there.raw.get("channels") or []
    return {"id": channels[0]["id"]} if len(channels) == 1 else {}


def _read(kind: str, key: str, raw: Json, found: Found) -> Existing:
    return _pulse_of(key, raw, found) if kind == "subscription" else _alert_of(key, raw, found)


def _pulse_of(key: str, raw: Json, found: Found) -> Existing:
    cards, boards = found.keys("card"), found.keys("dashboard")
    places = {
        one["id"]
        for board in found.items.values()
        if board.kind == "dashboard" and board.number == raw.get("dashboard_id")
        for one in board.raw["dashcards"]
    }
    channels = [one for one in raw.get("channels") or [] if one.get("enabled", True)]
    channel = channels[0] if len(channels) == 1 else {}
    fields = {
        "name": raw.get("name"),
        "dashboard": boards.get(raw.get("dashboard_id") or 0, f"#{raw.get('dashboard_id')}"),
        "cards": sorted(
            cards.get(one["id"], f"#{one['id']}") for one in raw["cards"] if one.get("dashboard_card_id") in places
        ),
        "csv": bool(raw["cards"]) and all(one["include_csv"] for one in raw["cards"]),
        "spreadsheet": any(one.get("include_xls") for one in raw["cards"]),
        "filters": {one.get("slug") or one["id"]: one.get("value") for one in raw.get("parameters") or []},
        "skip_if_empty": bool(raw.get("skip_if_empty")),
        "archived": bool(raw.get("archived")),
        "when": {
            "each": next((name for name, one in _EACH.items() if one == channel.get("schedule_type")), None),
            "hour": channel.get("schedule_hour"),
            "day": channel.get("schedule_day"),
            "of": channel.get("schedule_frame"),
        },
        "emails": sorted(one["email"] for one in channel.get("recipients") or []),
        "slack": (channel.get("details") or {}).get("channel"),
    }
    return Existing("subscription", key, raw["id"], fields, raw)


# ---------- alerts


def _alert(one: Alert) -> Item:
    return Item("alert", one.key, {
        "card": one.card,
        "sends": _SENDS[one.sends],
        "once": one.once,
        "archived": False,
        **_sent(one),
        "when": _cron(one.when),
    })  # fmt: skip


def _cron(when: When) -> str:
    """Quartz's seven fields: seconds, minutes, hours, day of the month, month, day of the week, year."""
    match when.each:
        case "hour":
            return "0 0 * * * ? *"
        case "day":
            return f"0 0 {when.hour} * * ? *"
        case "week":
            return f"0 0 {when.hour} ? * {str(when.day).upper()} *"
        case _:
            return f"0 0 {when.hour} 1 * ? *"


def _alert_body(item: Item, there: Existing | None, found: Found) -> Json:
    """Write an alert. Rows that were there go with their numbers, else the server would make them anew."""
    fields = item.fields
    old: Json = there.raw if there is not None else {}
    values = fields["emails"] if fields["slack"] is None else [fields["slack"]]
    handlers, subscriptions = old.get("handlers") or [], old.get("subscriptions") or []
    known = {
        (one.get("details") or {}).get("value"): {NUMBER: one["id"]}
        for handler in handlers[:1]
        for one in handler["recipients"]
    }
    recipients = [
        {"type": "notification-recipient/raw-value", "details": {"value": value}} | known.get(value, {})
        for value in values
    ]
    channel = "channel/email" if fields["slack"] is None else "channel/slack"
    body: Json = {
        "payload_type": "notification/card",
        "active": not fields["archived"],
        "payload": {
            "card_id": found.items[f"card:{fields['card']}"].number,
            "send_condition": fields["sends"],
            "send_once": fields["once"],
        },
        "subscriptions": [
            {"type": "notification-subscription/cron", "cron_schedule": fields["when"]} | _number(subscriptions)
        ],
        "handlers": [{"channel_type": channel, "recipients": recipients} | _number(handlers)],
    }
    if there is not None:
        body |= {NUMBER: there.number, "payload_id": old["payload_id"], "creator_id": old["creator_id"]}
        body["payload"][NUMBER] = old["payload"]["id"]
    return body


def _number(rows: list[Json]) -> Json:
    return {NUMBER: rows[0]["id"]} if rows else {}


def _alert_of(key: str, raw: Json, found: Found) -> Existing:
    handlers = raw.get("handlers") or []
    handler = handlers[0] if len(handlers) == 1 else {"channel_type": "", "recipients": []}
    values = sorted(
        (one.get("details") or {}).get("value") or str((one.get("user") or {}).get("email") or one["type"])
        for one in handler.get("recipients") or []
    )
    is_slack = handler["channel_type"] == "channel/slack"
    crons = [one.get("cron_schedule") for one in raw.get("subscriptions") or []]
    payload = raw.get("payload") or {}
    fields = {
        "card": found.keys("card").get(payload.get("card_id") or 0, f"#{payload.get('card_id')}"),
        "sends": payload.get("send_condition"),
        "once": bool(payload.get("send_once")),
        "archived": not raw.get("active", True),
        "when": crons[0] if len(crons) == 1 else crons,
        "emails": [] if is_slack else values,
        "slack": values[0] if is_slack and len(values) == 1 else None,
    }
    return Existing("alert", key, raw["id"], fields, raw)
