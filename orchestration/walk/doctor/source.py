"""Looks at the product's Postgres: whether it can replicate, what hurts it, and what will end the stream."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from ingestion.errors import SourceError, SourceRightsError, SourceVersionError, WalLevelError
from ingestion.log import LogReader
from ingestion.postgres.health import Finding, find_ills
from ingestion.postgres.identity import last_session
from ingestion.postgres.plan import Plan, make_plan
from ingestion.postgres.publication import publication_exists
from ingestion.postgres.source import Source, connect
from orchestration.settings import Settings
from orchestration.walk.doctor.check import HINT, PROBLEM, WARNING, Check, few, one_line, well
from orchestration.walk.observing import Document, reachable_source

_RULES: dict[type[SourceError], str] = {
    SourceVersionError: "version_unsupported",
    WalLevelError: "wal_level_wrong",
    SourceRightsError: "privilege_missing",
}
_WELL = (
    ("slot_inactive", "somebody reads the slot"),
    ("slot_growing", "little WAL is held back"),
    ("source_risky", "WAL is limited, timeouts fit"),
    ("transaction_long", "none is open for long"),
    ("clock_jumped", "the source's agrees with this machine's"),
)


def checks(settings: Settings, document: Document) -> Iterator[Check]:
    """Look at the source, if there is one that may be asked."""
    source = reachable_source(settings)
    if source is None:
        yield Check("source_unreachable", HINT, "the stand-in does not run", "'flux up' starts it")
        return
    plan = make_plan(source, lock_seconds=5)
    yield well("source_unreachable", f"{plan.source} ({plan.server})")
    yield from _problems(plan)
    yield from _refused(plan)
    with connect(source) as connection:
        ills = list(find_ills(connection, source))
        published = publication_exists(connection, source.publication)
    began = _has_begun(settings)
    if began and not published:
        yield Check(
            "publication_missing", PROBLEM, f"publication {source.publication!r} is gone",
            "'flux replicate' makes it again, or its owner; every table is copied anew", subject=source.publication,
        )  # fmt: skip
    yield from _told(ills, source, document, began=began)
    missing = {ill.name for ill in ills}
    for name, what in _WELL:
        if name not in missing and "slot_dropped" not in missing:
            yield well(name, what)


def _problems(plan: Plan) -> Iterator[Check]:
    for problem in plan.problems:
        name = next((rule for kind, rule in _RULES.items() if isinstance(problem, kind)), "source_unfit")
        what, _, mend = one_line(problem).partition("; ")
        yield Check(name, PROBLEM, what, mend, subject="source")
    if not plan.problems:
        yield well("source_unfit", "version, wal_level, rights, slots, walsenders and publication fit")


def _refused(plan: Plan) -> Iterator[Check]:
    refused = [
        Check(
            "table_not_replicated", WARNING, f"{refusal.table.source} does not replicate: {refusal.reason}",
            f"run: {refusal.fix}" if refusal.fix else "'flux plan' says more", subject=refusal.table.source,
        )
        for refusal in plan.refused
    ]  # fmt: skip
    yield from few(refused, "tables do not replicate")
    if not refused:
        yield well("table_not_replicated", f"all {len(plan.tables)} replicate")


def _told(ills: list[Finding], source: Source, document: Document, *, began: bool) -> Iterator[Check]:
    given_up = document.get("slot_given_up")
    waits = any(ill.name in ("slot_dropped", "slot_lost") for ill in ills) or any(
        table["state"] not in ("streaming", "stopped") for table in document["tables"]
    )
    if given_up is not None and waits:
        at = datetime.fromtimestamp(given_up["at"], UTC)
        yield Check(
            "wal_budget_reached", PROBLEM,
            f"slot {given_up['slot']!r} was given up at {at:%Y-%m-%d %H:%M} UTC: it held {given_up['retained_bytes']:,}"
            f" bytes of WAL, more than FLUX_WAL_BUDGET_BYTES={given_up['budget_bytes']}; all tables are copied again",
            "look for long transactions at the source and at the log's disk, or raise the budget", subject=source.slot,
        )  # fmt: skip
    for ill in ills:
        if ill.name == "slot_dropped":
            if given_up is not None:
                continue
            level = PROBLEM if began else HINT
            what = f"slot {source.slot!r} is gone from the source" if began else ill.what
            yield Check("slot_dropped", level, what, ill.mend, ill.subject)
        else:
            yield Check(ill.name, PROBLEM if ill.grave else WARNING, ill.what, ill.mend, ill.subject)


def _has_begun(settings: Settings) -> bool:
    """Whether the source was ever captured: then its slot and publication are expected."""
    log = settings.log_directory / "postgres"
    return log.exists() and last_session(LogReader(log)) is not None
