"""The sensor that reports how it all is: a check whose verdict changed at once, every check once an hour.

No run is started for it: one costs seconds of start-up, and its own records.
"""

import json
import time
from collections.abc import Iterable

import dagster as dg

from orchestration.defs.operation import doctor, freshness
from orchestration.defs.operation.freshness import Layers
from orchestration.settings import Settings

LOOK_SECONDS = 300
_HOUR = 3600.0


def definitions(settings: Settings, layers: Layers) -> dg.Definitions:
    """Define the sensor."""

    @dg.sensor(
        name="health",
        minimum_interval_seconds=LOOK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Reports what `flux doctor` finds and how fresh assets are, as their checks.",
    )
    def health(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        found = [*doctor.results(settings), *freshness.results(settings, layers)]
        events, cursor = due(found, context.cursor, time.time())
        reason = None if events else "no verdict changed"
        return dg.SensorResult(asset_events=events, cursor=cursor, skip_reason=reason)

    return dg.Definitions(sensors=[health])


def due(
    found: Iterable[dg.AssetCheckResult], cursor: str | None, now: float
) -> tuple[list[dg.AssetCheckEvaluation], str]:
    """Choose what is to be reported: what failed, got worse, or is well again since the last look; each hour all."""
    before = json.loads(cursor) if cursor else {"hour": 0.0, "failing": {}}
    whole = now - before["hour"] >= _HOUR
    failing: dict[str, str] = {}
    events = []
    seen = set()
    for result in found:
        event = _evaluation(result)
        name = event.asset_check_key.to_user_string()
        verdict = "" if event.passed else event.severity.value
        if verdict:
            failing[name] = verdict
        seen.add(name)
        if whole or verdict != before["failing"].get(name, ""):
            events.append(event)
    # What nothing is known of now stays as it was.
    failing |= {name: verdict for name, verdict in before["failing"].items() if name not in seen}
    return events, json.dumps({"hour": now if whole else before["hour"], "failing": failing})


def _evaluation(result: dg.AssetCheckResult) -> dg.AssetCheckEvaluation:
    assert result.asset_key is not None
    assert result.check_name is not None
    return dg.AssetCheckEvaluation(
        asset_key=result.asset_key,
        check_name=result.check_name,
        passed=result.passed,
        metadata=result.metadata,
        severity=result.severity,
        description=result.description,
    )
