"""Who asks the published models: the log of `flux query`, and Metabase's own where its application database is told.

Metabase notes each query in `query_execution` of its application database: who, when, how long, which card. Cards of
ours tell their keys in their settings, and with them the models they read; of what people ask there by themselves the
relations are unknown. Run against tables made after its schema, not against a Metabase.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg

from dashboards import catalogue
from dashboards.checks import check_sources
from dashboards.compile import Query, relations_of_manifest
from dashboards.loader import Definitions, load_definitions
from dashboards.metabase.found import KEY
from dashboards.metrics import load_metrics
from dashboards.static.number_format import write_date
from dashboards.usage import RELATIONS, Asked, Log, UsageConnection
from dashboards.uses import by_relation
from ingestion.warehouse.postgres.serving import SERVING
from orchestration import models, query_log
from orchestration.settings import Settings
from orchestration.walk.readers import DEFINITIONS

logger = logging.getLogger(__name__)

DAYS = 90
_EXECUTIONS = """
select
    coalesce(nullif(trim(concat_ws(' ', person.first_name, person.last_name)), ''), 'nobody signed in') as user_name,
    execution.started_at,
    execution.running_time / 1000.0 as seconds,
    execution.error is null as is_answered,
    card.visualization_settings::json ->> %s as card
from query_execution as execution
left join core_user as person on execution.executor_id = person.id
left join report_card as card on execution.card_id = card.id
where execution.started_at > %s
order by execution.started_at
"""


def usage_of(
    settings: Settings, manifest: Path, definitions: Definitions, queries: Mapping[str, Query]
) -> UsageConnection:
    """Read both logs of the last 90 days, and the models beside them."""
    now = dt.datetime.now(dt.UTC)
    readable = [
        model
        for model in catalogue.models(manifest, settings.dbt_directory / catalogue.LAST_BUILD)
        if model.schema in catalogue.READABLE
    ]
    shown = by_relation(definitions, queries)
    listed = [(model.relation, model.owner, len(shown.get(model.relation, ()))) for model in readable]
    served = {f"{SERVING}.{model.name}": model.relation for model in readable}
    logs = [_of_flux(settings, served, now), _of_metabase(settings, definitions, queries, now)]
    return UsageConnection(logs, listed, now)


def metabase_reads(settings: Settings) -> list[Asked]:
    """Read Metabase's log of the last 90 days, where there is one, for what is noted at a build (`costs.gathering`)."""
    manifest = models.manifest_path(settings)
    if settings.metabase_log_url is None or not manifest.exists():
        return []
    definitions = load_definitions(DEFINITIONS, load_metrics(models.project_directory()))
    queries = check_sources(definitions, relations_of_manifest(manifest) | RELATIONS)
    return [*_of_metabase(settings, definitions, queries, dt.datetime.now(dt.UTC)).asked]


def _of_flux(settings: Settings, served: Mapping[str, str], now: dt.datetime) -> Log:
    lines = query_log.read(settings.logs_directory)
    if not lines:
        return Log("flux query", "nothing was logged yet")
    asked = [
        Asked(line.user, line.at, line.seconds, line.answered, [served.get(name, name) for name in line.relations])
        for line in lines
        if line.at > now - dt.timedelta(days=DAYS)
    ]
    return Log("flux query", _words(lines[0].at, now), lines[0].at, asked)


def _of_metabase(settings: Settings, definitions: Definitions, queries: Mapping[str, Query], now: dt.datetime) -> Log:
    if settings.metabase_log_url is None:
        return Log("Metabase", "no log is configured")
    try:
        since, executions = _executions(settings.metabase_log_url, now)
    except psycopg.Error as error:  # its words may hold the URL
        logger.warning("Metabase's log cannot be read error=%s; see FLUX_METABASE_LOG_URL", type(error).__name__)
        return Log("Metabase", "its log cannot be read")
    if since is None:
        return Log("Metabase", "nothing was logged yet")
    read = {
        card.key: queries[card.sql_name].relations
        for dashboard in definitions.dashboards
        for card in dashboard.cards.values()
    }
    asked = [
        Asked(user, at, float(seconds), answered, read.get(card or "", ()))
        for user, at, seconds, answered, card in executions
    ]
    return Log("Metabase", _words(since, now), since, asked)


def _executions(url: str, now: dt.datetime) -> tuple[dt.datetime | None, list[tuple[Any, ...]]]:  # Any: a driver's row
    with psycopg.connect(url, options="-c default_transaction_read_only=on -c timezone=UTC") as connection:
        oldest = connection.execute("select min(started_at) from query_execution").fetchone()
        newer = connection.execute(_EXECUTIONS, [KEY, now - dt.timedelta(days=DAYS)]).fetchall()
    return (oldest[0] if oldest is not None else None), newer


def _words(since: dt.datetime, now: dt.datetime) -> str:
    return "7 days" if since < now - dt.timedelta(days=7) else f"since {write_date(since.date())}, when its log began"
