"""Look, decide, tell, at an interval: the one loop behind `flux alerts watch`, which `flux up` runs as a service."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from orchestration.alerts import ledger as ledgers
from orchestration.alerts.channels.channel import Channel
from orchestration.alerts.channels.configured import channels as configured
from orchestration.alerts.delivery import deliver, next_try
from orchestration.alerts.incidents import Finding, Severity, look
from orchestration.alerts.ledger import Ledger
from orchestration.alerts.rules import RULES, Rule
from orchestration.downstream import Impact, downstream
from orchestration.errors import FluxError
from orchestration.locks import holder, sole
from orchestration.settings import Settings
from orchestration.walk import doctor

logger = logging.getLogger(__name__)
_SOONEST: Final = 0.5


def watch(settings: Settings, stop: threading.Event, complaints: Sequence[str] = ()) -> None:
    """Look until `stop` is set. Raises FluxError when another process does, or a channel is set by half."""
    with sole(settings.alerts_lock, "flux alerts watch") as free:
        if not free:
            raise FluxError(
                f"somebody looks already ({holder(settings.alerts_lock)}) in {str(settings.home)!r}: 'flux up' does"
            )
        channels = configured(settings)
        if not channels:
            logger.warning("no channel is set (FLUX_ALERT_*): 'flux alerts' lists what is wrong, nobody is told")
        state = ledgers.read(settings.alerts_path)
        due_at = 0.0
        while True:
            now = datetime.now(UTC)
            if now.timestamp() >= due_at:
                due_at = now.timestamp() + settings.alert_seconds
                observe_once(settings, state, channels, now, complaints)
            else:
                deliver(state, channels, now)
                ledgers.write(settings.alerts_path, state)
            later = next_try(state)
            until = due_at if later is None else min(due_at, later.timestamp())
            # A clock that is set back makes no pause longer than the interval.
            pause = min(max(until - datetime.now(UTC).timestamp(), _SOONEST), settings.alert_seconds)
            if stop.wait(pause):
                return


def observe_once(
    settings: Settings, state: Ledger, channels: Sequence[Channel], now: datetime, complaints: Sequence[str] = ()
) -> None:
    """Look once, write down what is to be told, tell it, and write down what was taken."""
    try:
        checks = doctor.examine(settings, complaints)
    except Exception:  # the outermost loop: whatever a look dies of, the next one may go well
        logger.exception("a look failed")
        checks = [doctor.Check("look_failed", doctor.PROBLEM, "a look ended with a bug of Flux; see the log of alerts")]
    found = findings(settings, checks)
    state.incidents, messages = look(state.incidents, found, now, blind=blind(checks))
    state.looked_at = now
    state.add([channel.name for channel in channels], messages)
    ledgers.write(settings.alerts_path, state)
    deliver(state, channels, now)
    ledgers.write(settings.alerts_path, state)


def findings(settings: Settings, checks: Sequence[doctor.Check]) -> list[Finding]:
    """Make findings of the checks that somebody should know of, each with what hangs on it."""
    found: dict[str, Finding] = {}
    for check in checks:
        if check.level not in (doctor.WARNING, doctor.PROBLEM) or not check.rule.is_alert:
            continue
        severity: Severity = "problem" if check.level == doctor.PROBLEM else "warning"
        finding = Finding(
            check.name, check.subject, severity, check.what, check.mend, check.rule.owner,
            str(_impact(settings, check.rule, check.subject)),
        )  # fmt: skip
        other = found.get(finding.key)
        if other is None or (other.severity == "warning" and severity == "problem"):
            found[finding.key] = finding
    return list(found.values())


def blind(checks: Sequence[doctor.Check]) -> frozenset[str]:
    """Name the rules of parts that could not be looked at: of them nothing is known."""
    failed = {check.subject for check in checks if check.name == "look_failed"}
    if any(check.name == "look_failed" and not check.subject for check in checks):
        return frozenset(RULES)
    if any(check.name == "source_unreachable" and check.level != doctor.OK for check in checks):
        failed.add("source")
    return frozenset(rule.name for rule in RULES.values() if rule.part in failed) - {"source_unreachable"}


def _impact(settings: Settings, rule: Rule, subject: str) -> Impact | str:
    if rule.reach == "nothing":
        return ""
    known = downstream(settings)
    if known is None:
        return "not known before the first build of the models"
    if rule.reach == "all" or subject == "many":
        return known.all()
    if rule.reach == "subject":
        return known.behind(subject)
    return known.behind_sources("raw_segment" if rule.reach == "events" else "raw_app")
