"""What befalls the small product on fixed days: holds, reopenings, titles, a rehire, feedback.

`turns` tells the transactions of a day from the rows as they are; it draws nothing, so the random rest stays as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

Row = Mapping[str, object]
Change = tuple[str, str, Row]


def turns(number: int, day: datetime, mirror: Mapping[str, Mapping[tuple[object, ...], Row]]) -> list[list[Change]]:
    """Return the transactions of a day, counted from 0."""

    def update(table: str, key: object, **values: object) -> list[Change]:
        return [("update", table, {"id": key, **values, "updated_at": day})]

    status = {key: row["status"] for (key,), row in mirror["opportunities"].items()}
    filled = [key for key, state in status.items() if state == "filled"]
    found: list[list[Change]] = []
    if number == 5:
        found += [update("opportunities", key, status="on_hold") for key in (2, 8) if status[key] == "open"]
    if number in (9, 12):
        found += [
            update("opportunities", key, status="open")
            for key in (2, 8)[number // 12 :][:1]
            if status[key] == "on_hold"
        ]
    if number == 30:
        ended = {"status": "cancelled", "closed_at": day, "close_reason": "budget"}
        found += [update("opportunities", key, **ended) for key in (5, 11) if status[key] == "open"]
    if number == 45:
        found += [update("opportunities", key, status="open", opened_at=day, filled_at=None) for key in filled[:2]]
    if number == 56:
        late = [key for (key,), row in mirror["opportunities"].items() if row["opened_at"] == day - timedelta(days=11)]
        found += [update("opportunities", key, status="filled", filled_at=day) for key in late if status[key] == "open"]
    titles = {8: (1, "Lead"), 20: (14, "Seller"), 33: (14, "Senior Seller"), 50: (2, "Lead")}
    if number in titles:
        member, title = titles[number]
        found.append(update("members", member, title=title))
    if number == 15:
        found.append(update("members", 5, terminated_on=day.date()))
    if number == 35:  # the product keeps one row for both employments
        found.append(update("members", 5, terminated_on=None, hired_on=day.date(), title="Engineer"))
    if number % 10 in (4, 7):
        kind = ("thumbs_up", "dismiss", "thumbs_up")[number // 10 % 3]
        for offset, recommendation in enumerate(list(mirror["match_recommendations"].values())[-3:], 1):
            pair = {key: recommendation[key] for key in ("client_id", "member_id", "opportunity_id")}
            given = {
                "id": number * 10 + offset,
                "recommendation_id": recommendation["id"],
                "kind": kind,
                "created_at": day,
            }
            found.append([("insert", "match_feedback", {**given, **pair})])
    return found
