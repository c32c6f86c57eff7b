"""Looks at the events: their ledger, what is in quarantine, keys that nobody knows, the tracking plan."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from ingestion.errors import IngestionError
from ingestion.events.record import UNKNOWN_KEY
from orchestration.settings import Settings
from orchestration.walk.doctor.check import HINT, PROBLEM, WARNING, Check, one_line, well
from orchestration.walk.loading import tracking_plan
from orchestration.walk.observing import Document

GROWING = timedelta(hours=1)


def checks(settings: Settings, document: Document) -> Iterator[Check]:
    """Look at what the loader wrote down of events, and at the tracking plan's file."""
    yield from _quarantine(document)
    events = document["events"]
    unaccounted = events["accepted"] - events["loaded"] - events["duplicates"] - events["quarantined"]
    if unaccounted < 0:
        yield Check(
            "events_unbalanced", PROBLEM,
            f"{-unaccounted:,} events more were loaded, duplicates or quarantined than were accepted",
            "keep the log and `flux status --json`, and report this: an event was counted twice or lost",
        )  # fmt: skip
    else:
        yield well("events_unbalanced", f"{events['accepted']:,} accepted, {unaccounted:,} of them not loaded yet")
    try:
        plan = tracking_plan(settings)
    except (IngestionError, OSError) as error:
        yield Check(
            "tracking_plan_invalid", PROBLEM, one_line(error),
            "correct the file that FLUX_TRACKING_PLAN names; until then neither collector nor loader can start",
        )  # fmt: skip
    else:
        yield well("tracking_plan_invalid", "there is none" if plan is None else "it can be read")


def _quarantine(document: Document) -> Iterator[Check]:
    groups, since = document["quarantine"]["groups"], (datetime.now(UTC) - GROWING).isoformat()
    fresh = [group for group in groups if (group.get("newest") or group["since"]) > since]
    strange = [group for group in fresh if group["reason"] == UNKNOWN_KEY]
    if strange:
        yield Check(
            "write_key_unknown", WARNING,
            f"{sum(group['rows'] for group in strange):,} events came with a write key that no source has, the newest "
            "within the hour: quarantine keeps them, and they never land",
            f"find the sender by its address, program and page: flux quarantine explain {strange[0]['example']} "
            "--show-bytes; the key stands in its own settings alone: give it a source (sources.toml, FLUX_WRITE_KEYS), "
            "or stop the sender",
        )  # fmt: skip
    else:
        yield well("write_key_unknown", "all that came within the hour is known")
    rows = document["quarantine"]["rows"]
    if growing := [group for group in fresh if group not in strange]:
        reasons = "; ".join(f"{group['source']}: {group['reason']}" for group in growing[:3])
        yield Check(
            "quarantine_growing", WARNING,
            f"{len(growing)} kinds of what cannot be loaded came within the hour, {rows:,} rows are open: {reasons}",
            "'flux quarantine' says why and what to do",
        )  # fmt: skip
    elif rows:
        yield Check(
            "quarantine_growing", HINT, f"{rows:,} rows are open, none came within the hour",
            "'flux quarantine' says why and what to do",
        )  # fmt: skip
    else:
        yield well("quarantine_growing", "empty")
