"""What cannot be meant: the checks of settings that a type does not make."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ingestion.errors import WarehouseError
from ingestion.warehouse.urls import BIGQUERY, DUCKDB, POSTGRES, bigquery_place
from orchestration.errors import NotBuiltYetError, SettingError

if TYPE_CHECKING:
    from orchestration.settings import Settings

_LEAST_MEMORY: Final = 64 << 20


def check(settings: Settings) -> None:
    """Raise SettingError for the first setting that cannot be meant."""
    for name, url in (
        ("FLUX_SOURCE_URL", settings.source_url),
        ("FLUX_DEMO_URL", settings.demo_url),
        ("FLUX_DAGSTER_URL", settings.dagster_url),
    ):
        if url is not None and not url.startswith(("postgresql://", "postgres://")):
            raise SettingError(f"{name} wants postgresql://user@host:port/database, got a URL of another kind")
    _check_warehouse(settings.warehouse_url)
    if settings.otlp_endpoint is not None and not re.fullmatch(r"https?://[^/?#]+(/[^?#]*)?", settings.otlp_endpoint):
        raise SettingError("FLUX_OTLP_ENDPOINT wants http(s)://HOST:PORT, to which /v1/metrics is added")
    ports = settings.collect_port, settings.dagster_port, settings.site_port, settings.metrics_port
    for name, port in zip(("COLLECT", "DAGSTER", "SITE", "METRICS"), ports, strict=True):
        if not 1 <= port <= 65535:
            raise SettingError(f"FLUX_{name}_PORT wants a port from 1 to 65535, got {port}")
    for name, number in (
        ("DEMO_SCALE", settings.demo_scale),
        ("DEMO_RATE", settings.demo_rate),
        ("ALERT_SECONDS", settings.alert_seconds),
        ("BUILD_MINUTES", settings.build_minutes),
        ("COLLECT_REQUESTS_PER_SECOND", settings.collect_requests_per_second),
        ("VERIFY_SNAPSHOT_MINUTES", settings.verify_snapshot_minutes),
    ):
        if number is not None and not 0 < number < float("inf"):
            raise SettingError(f"FLUX_{name} wants a number above 0, got {number}")
    for name, whole in (
        ("COLLECT_BODY_BYTES", settings.collect_body_bytes),
        ("COLLECT_CONNECTIONS", settings.collect_connections),
        ("COLLECT_FREE_BYTES", settings.collect_free_bytes),
        ("COPY_BYTES_PER_SECOND", settings.copy_bytes_per_second),
        ("LOG_KEEP_BYTES", settings.log_keep_bytes),
        ("WAL_BUDGET_BYTES", settings.wal_budget_bytes),
    ):
        if whole is not None and whole < 1:
            raise SettingError(f"FLUX_{name} wants a number above 0, got {whole}")
    for name, memory in (("LOADER", settings.loader_memory_bytes), ("BUILD", settings.build_memory_bytes)):
        if memory is not None and memory < _LEAST_MEMORY:
            raise SettingError(f"FLUX_{name}_MEMORY_BYTES wants at least {_LEAST_MEMORY}, got {memory}")
    if not 0 <= settings.log_keep_days < float("inf"):
        raise SettingError(f"FLUX_LOG_KEEP_DAYS wants a number of 0 or above, got {settings.log_keep_days}")
    for name, secret, file in (
        ("HASH_KEY", settings.hash_key, settings.hash_key_file),
        ("METABASE_API_KEY", settings.metabase_api_key, settings.metabase_api_key_file),
        ("METABASE_ADMIN_PASSWORD", settings.metabase_admin_password, settings.metabase_admin_password_file),
        ("METABASE_EMBEDDING_SECRET", settings.metabase_embedding_secret, settings.metabase_embedding_secret_file),
    ):
        if secret is not None and file is not None:
            raise SettingError(f"FLUX_{name} and FLUX_{name}_FILE are both set; unset one of them")
    for name, url in (
        ("ALERT_WEBHOOK", settings.alert_webhook),
        ("ALERT_PAGERDUTY_URL", settings.alert_pagerduty_url),
        ("SENTRY_DSN", settings.sentry_dsn),
        ("COLLECT_URL", settings.collect_url),
    ):
        if url is not None and not re.fullmatch(r"https?://[^/?#\s]+\S*", url):
            raise SettingError(f"FLUX_{name} wants an address, http(s)://...")
    if settings.alert_smtp_url is not None and not re.fullmatch(r"smtps?://\S+", settings.alert_smtp_url):
        raise SettingError("FLUX_ALERT_SMTP_URL wants smtp://USER:PASSWORD@HOST:PORT or smtps://..., % in them as %25")
    if settings.dogstatsd is not None and not re.fullmatch(r"[^:\s]+:\d+", settings.dogstatsd):
        raise SettingError(f"FLUX_DOGSTATSD wants HOST:PORT, got {settings.dogstatsd!r}")
    if settings.clock is not None and not re.fullmatch(r"[^.]+\.[^.]+\.[^.]+", settings.clock):
        raise SettingError(f"FLUX_CLOCK wants schema.table.column, got {settings.clock!r}")
    for name, identifier in (("FLUX_SLOT", settings.slot), ("FLUX_PUBLICATION", settings.publication)):
        if len(identifier.encode()) > 63:
            raise SettingError(f"{name} wants a name of at most 63 bytes, got {len(identifier.encode())}")
    if not re.fullmatch(r"[a-z0-9_]+", settings.slot):
        raise SettingError(f"FLUX_SLOT wants lower-case letters, digits and _, as Postgres does, got {settings.slot!r}")


def _check_warehouse(url: str | None) -> None:
    if url is None or url.startswith((DUCKDB, *POSTGRES)):
        return
    if url.startswith(BIGQUERY):
        if "?" in url:
            raise SettingError("FLUX_WAREHOUSE_URL is bigquery://PROJECT[/PREFIX]; FLUX_BIGQUERY_* say the rest")
        try:
            bigquery_place(url)
        except WarehouseError as error:
            raise SettingError(f"FLUX_WAREHOUSE_URL: {error}") from error
        return
    if url.startswith("snowflake://"):
        raise NotBuiltYetError(
            "a warehouse on snowflake is not built yet; unset FLUX_WAREHOUSE_URL, or use duckdb:///PATH, postgresql:// "
            "or bigquery://PROJECT"
        )
    raise SettingError(
        "FLUX_WAREHOUSE_URL wants duckdb:///PATH, postgresql://... or bigquery://PROJECT, got a URL of another kind"
    )
