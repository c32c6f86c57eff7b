"""The table `pages` has each column that Segment documents and outsiders read, with its type, from the first row on."""

from pathlib import Path

import pytest

from ingestion.events.tracking_plan import parse_tracking_plan
from ingestion.load.events import load_events
from ingestion.log import LogReader
from ingestion.warehouse.destination import Destination
from tests.events.calls import load, write

PLAN = "version: 1\npages: {properties: {path: string}}\n"
PAGE = {"type": "page", "messageId": "m1", "anonymousId": "d1", "name": "Home", "properties": {"path": "/"}}
# What dbt-labs/segment 0.7 reads of the table (its models/base), and the rest of Segment's page and context fields.
TIMES = ("received_at", "sent_at", "timestamp", "original_timestamp", "uuid_ts")
TEXTS = (
    *("id", "anonymous_id", "user_id", "name", "category", "url", "path", "title", "search", "referrer"),
    *(f"context_campaign_{part}" for part in ("source", "medium", "name", "term", "content")),
    *(f"context_page_{part}" for part in ("url", "path", "title", "search", "referrer")),
    *("context_ip", "context_user_agent", "context_locale", "context_library_name", "context_library_version"),
)
# Flux's own, of each call: the estimate without the device's skew, and whether the device is far ahead.
OURS = {"timestamp_corrected": "timestamptz", "timestamp_is_ahead": "boolean"}
KINDS = {"bool": "boolean", "varchar": "text", "timestamp with time zone": "timestamptz"}


def kinds(destination: Destination) -> dict[str, str]:
    found = destination.machinery.session.columns("raw_segment", "pages")
    return {name: KINDS.get(kind.lower(), kind.lower()) for name, kind in found.items()}


EXPECTED = dict.fromkeys(TEXTS, "text") | dict.fromkeys(TIMES, "timestamptz") | OURS


@pytest.mark.parametrize("plan", [None, PLAN], ids=["unplanned", "planned"])
def test_documented_columns_are_there_after_one_bare_page(
    tmp_path: Path, destination: Destination, plan: str | None
) -> None:
    write(tmp_path, [PAGE])
    load(destination, tmp_path, plan=parse_tracking_plan(plan) if plan else None)
    assert kinds(destination) == EXPECTED


def test_a_plan_alone_makes_them(tmp_path: Path, destination: Destination) -> None:
    load_events(destination, LogReader(tmp_path / "nothing"), parse_tracking_plan(PLAN))
    assert kinds(destination) == EXPECTED


def test_a_documented_column_takes_what_is_no_text_as_text(tmp_path: Path, destination: Destination) -> None:
    write(tmp_path, [{**PAGE, "properties": {"path": "/", "search": 5}, "context": {"campaign": {"term": True}}}])
    load(destination, tmp_path)
    rows = destination.machinery.session.execute("select search, context_campaign_term from raw_segment.pages")
    assert [tuple(row) for row in rows] == [("5", "true")]
