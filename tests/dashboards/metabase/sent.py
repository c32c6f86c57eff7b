"""Subscriptions and alerts of the stand-in: what it is told whole, with the server's defaults for what is left out."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from tests.dashboards.metabase.strict import Json, choice, listed, of, only, text, wrong

if TYPE_CHECKING:
    from tests.dashboards.metabase.state import State

CRON = re.compile(r"0 0 (\*|1?\d|2[0-3]) (\*|\?|\d+) \* (\?|\*|MON|TUE|WED|THU|FRI|SAT|SUN) \*")
CHANNELS = ("email", "slack", "http")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CONDITIONS = ("has_result", "goal_above", "goal_below")
ROW = {"id", "notification_id", "created_at", "updated_at"}


class Sent:
    """Pulses (subscriptions) and notifications (alerts)."""

    def __init__(self, state: State, number: Callable[[], int]) -> None:
        self.state, self._number = state, number
        self.pulses: dict[int, Json] = {}
        self.notifications: dict[int, Json] = {}
        self.configured = {"email": True, "slack": True, "http": False}

    def form_input(self) -> Json:
        return {"channels": {name: {"type": name, "configured": one} for name, one in self.configured.items()}}

    # ---------- subscriptions

    def list_pulses(self, dashboard: int | None, archived: bool) -> list[Json]:
        return [
            self.pulse(number)
            for number, one in self.pulses.items()
            if one["archived"] == archived and dashboard in (None, one["dashboard_id"])
        ]

    def pulse(self, number: int) -> Json:
        one = copy.deepcopy(of(self.pulses, number))
        places = {
            place["id"] for board in self.state.dashboards.values() for place in board["dashcards"]
        }  # a card that is taken off its dashboard leaves its subscriptions
        one["cards"] = [card for card in one["cards"] if card["dashboard_card_id"] in places]
        for card in one["cards"]:
            card["name"] = self.state.cards[card["id"]]["name"]
        return one | {"can_write": True}

    def add_pulse(self, body: Json) -> Json:
        only(body, {
            "name", "cards", "channels", "skip_if_empty", "collection_id", "collection_position", "dashboard_id",
            "parameters",
        })  # fmt: skip
        text(body, "name")
        of(self.state.dashboards, body.get("dashboard_id"))
        number = self._number()
        one: Json = {
            "id": number, "name": body["name"], "dashboard_id": body["dashboard_id"], "collection_id": None,
            "creator_id": 1, "archived": False, "skip_if_empty": body.get("skip_if_empty", False),
            "parameters": body.get("parameters") or [], "entity_id": self.state._entity(),
        }  # fmt: skip
        one["cards"] = list(self._cards(listed(body, "cards"), body["dashboard_id"]))
        one["channels"] = [self._channel(channel, {}) for channel in listed(body, "channels")]
        self.pulses[number] = one
        return self.pulse(number)

    def change_pulse(self, number: int, body: Json) -> Json:
        only(body, {"name", "cards", "channels", "skip_if_empty", "collection_id", "archived", "parameters"})
        one = of(self.pulses, number)
        if "name" in body:
            one["name"] = text(body, "name")
        if "cards" in body:
            one["cards"] = list(self._cards(listed(body, "cards"), one["dashboard_id"]))
        if "channels" in body:
            old = {channel["channel_type"]: channel for channel in one["channels"]}
            one["channels"] = [self._channel(new, old) for new in listed(body, "channels")]
        one["parameters"] = body.get("parameters", one["parameters"])
        # What is left out gets the server's default: that is how archived ones come back unasked.
        one["skip_if_empty"], one["archived"] = body.get("skip_if_empty", False), body.get("archived", False)
        if one["archived"]:
            for channel in one["channels"]:
                channel["enabled"] = False
        return self.pulse(number)

    def _cards(self, cards: list[Json], dashboard: int) -> Iterator[Json]:
        places = {one["id"]: one for one in self.state.dashboards[dashboard]["dashcards"]}
        for card in cards:
            only(card, {
                "id", "name", "dashboard_card_id", "include_csv", "include_xls", "format_rows", "pivot_results",
                "parameter_mappings", "description", "display", "collection_id", "dashboard_id",
            })  # fmt: skip
            of(self.state.cards, card.get("id"))
            place = of(places, card.get("dashboard_card_id"))
            if place["card_id"] != card["id"]:
                raise wrong("cards", "that place is another card's")
            if not isinstance(card.get("include_csv"), bool) or not isinstance(card.get("include_xls"), bool):
                raise wrong("cards", "include_csv and include_xls must be booleans")
            kept = ("id", "dashboard_card_id", "include_csv", "include_xls")
            yield {name: card[name] for name in kept}

    def _channel(self, channel: Json, old: dict[str, Json]) -> Json:
        only(channel, {
            "id", "pulse_id", "channel_type", "channel_id", "enabled", "schedule_type", "schedule_hour", "schedule_day",
            "schedule_frame", "recipients", "details", "created_at", "updated_at", "entity_id",
        })  # fmt: skip
        kind = choice(channel, "channel_type", CHANNELS)
        if not isinstance(channel.get("enabled"), bool):
            raise wrong("channels", "enabled must be a boolean", 500)  # an assertion of the server's
        each = choice(channel, "schedule_type", ("hourly", "daily", "weekly", "monthly"))
        hour, day, frame = (channel.get(f"schedule_{name}") for name in ("hour", "day", "frame"))
        has_hour = isinstance(hour, int) and 0 <= hour <= 23
        fits = {
            "hourly": True,
            "daily": has_hour,
            "weekly": has_hour and day in DAYS,
            "monthly": has_hour and frame in ("first", "mid", "last") and (frame != "mid" or day is None),
        }
        if not fits[each]:
            raise wrong("channels", "the schedule is not valid", 500)
        for one in channel.get("recipients") or []:
            only(one, {"id", "email", "first_name", "last_name", "common_name"})
        return {
            "id": old[kind]["id"] if kind in old else self._number(), "channel_type": kind, "channel_id": None,
            "enabled": channel["enabled"], "schedule_type": each,
            "schedule_hour": None if each == "hourly" else hour,
            "schedule_day": day if each in ("weekly", "monthly") else None,
            "schedule_frame": frame if each == "monthly" else None,
            "details": dict(channel.get("details") or {}),
            "recipients": copy.deepcopy(channel.get("recipients") or []) if kind == "email" else [],
        }  # fmt: skip

    # ---------- alerts

    def list_notifications(self, card: int | None, inactive: bool) -> list[Json]:
        return [
            copy.deepcopy(one)
            for one in self.notifications.values()
            if (one["active"] or inactive) and card in (None, one["payload"]["card_id"])
        ]

    def notification(self, number: int) -> Json:
        return copy.deepcopy(of(self.notifications, number))

    def add_notification(self, body: Json) -> Json:
        number = self._number()
        self.notifications[number] = self._notification(body, number, {})
        return self.notification(number)

    def change_notification(self, number: int, body: Json) -> Json:
        """A row without its number is made anew under another; whatever is left out of a list is gone."""
        old = of(self.notifications, number)
        if body.get("payload", {}).get("card_id", old["payload"]["card_id"]) != old["payload"]["card_id"]:
            raise wrong("payload", "Update card_id is not allowed.")
        self.notifications[number] = self._notification(body, number, old)
        return self.notification(number)

    def _notification(self, body: Json, number: int, old: Json) -> Json:
        only(body, {
            "id", "payload_type", "payload_id", "payload", "active", "creator_id", "creator", "subscriptions",
            "handlers", "created_at", "updated_at",
        })  # fmt: skip
        choice(body, "payload_type", ("notification/card",))
        payload = body.get("payload") or {}
        only(payload, {*ROW, "card_id", "card", "send_condition", "send_once"})
        of(self.state.cards, payload.get("card_id"))
        choice({"send_condition": "has_result"} | payload, "send_condition", CONDITIONS)
        subscriptions = [self._subscription(one, old) for one in listed(body, "subscriptions")]
        handlers = [self._handler(one, old) for one in listed(body, "handlers")]
        kept = {"id": payload["id"]} if "id" in payload else {"id": self._number()}
        return {
            "id": number, "payload_type": "notification/card", "payload_id": kept["id"], "creator_id": 1,
            "active": body.get("active", True) is not False, "subscriptions": subscriptions, "handlers": handlers,
            "payload": {"send_condition": "has_result", "send_once": False} | payload | kept,
        }  # fmt: skip

    def _subscription(self, one: Json, old: Json) -> Json:
        only(one, {*ROW, "type", "cron_schedule", "event_name", "ui_display_type"})
        choice(one, "type", ("notification-subscription/cron",))
        fields = text(one, "cron_schedule").split()
        if not CRON.fullmatch(one["cron_schedule"]) or (fields[3] == "?") == (fields[5] == "?"):
            raise wrong("subscriptions", "no cron of Quartz's")
        return {"ui_display_type": None, "event_name": None} | one | self._row(one, old.get("subscriptions"))

    def _handler(self, one: Json, old: Json) -> Json:
        only(one, {*ROW, "channel_type", "channel_id", "channel", "template_id", "template", "active", "recipients"})
        choice(one, "channel_type", tuple(f"channel/{name}" for name in CHANNELS))
        before = [row for handler in old.get("handlers") or [] for row in handler["recipients"]]
        recipients = []
        for row in one.get("recipients") or []:
            only(row, {*ROW, "notification_handler_id", "type", "details", "user_id", "permissions_group_id", "user"})
            choice(row, "type", ("notification-recipient/raw-value",))
            only(row["details"], {"value", "channel_id"})
            recipients.append(copy.deepcopy(row) | self._row(row, before))
        kept = {"channel_id": None, "template_id": None, "active": True}
        return kept | one | {"recipients": recipients} | self._row(one, old.get("handlers"))

    def _row(self, row: Json, before: list[Json] | None) -> Json:
        if "id" not in row:
            return {"id": self._number()}
        if row["id"] not in {one["id"] for one in before or []}:
            raise wrong("id", "a row that is not this notification's")
        return {}
