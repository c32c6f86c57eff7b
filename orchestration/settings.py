"""The settings: one frozen object, read once from the environment at the edge and passed on as values.

Every field is the variable FLUX_<FIELD>, with its type, default and one line of explanation beside it: README's table
and `flux settings` are made from these. An unknown FLUX_* variable is an error, because a misspelt one would
otherwise be a default that nobody chose. Secrets (URLs, write keys) never appear in a repr, a log or an error.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, get_args, get_type_hints
from urllib.parse import urlencode

from ingestion.failpoints import VARIABLE as FAILPOINT
from ingestion.warehouse.duckdb.limits import MEMORY_BYTES
from ingestion.warehouse.urls import BIGQUERY, DUCKDB, POSTGRES
from orchestration.errors import FluxError, SettingError
from orchestration.secret_files import SUFFIX, with_files
from orchestration.settings_checks import check
from orchestration.settings_kinds import (
    KINDS,
    PREFIX,
    About,
    HistoryMode,
    WireFormat,
    masked,
    parse,
    shown,
    text_of,
    unknown,
)

__all__ = ["PREFIX", "Settings", "describe", "masked", "secrets"]

# What tests say to a process of ours is no setting.
NOT_SETTINGS = frozenset({FAILPOINT})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Settings:
    """All that may be set from outside. Read with `Settings.read()`; tests construct it directly."""

    home: Annotated[Path, About("directory of all state: log, warehouse, published copy, site, datasets")] = Path(
        ".flux"
    )
    source_url: Annotated[
        str | None, About("the product's Postgres, postgresql://...; unset: the embedded stand-in", secret=True)
    ] = None
    demo_url: Annotated[
        str | None, About("an empty Postgres database for the stand-in, instead of the embedded server", secret=True)
    ] = None
    warehouse_url: Annotated[
        str | None,
        About(
            "duckdb:///PATH, postgresql://... or bigquery://PROJECT[/PREFIX]; unset: a DuckDB file below FLUX_HOME",
            secret=True,
        ),
    ] = None
    bigquery_location: Annotated[
        str | None, About("where datasets on BigQuery are made, EU; unset: BigQuery's own")
    ] = None
    bigquery_job_bytes: Annotated[
        int, About("most bytes that one statement of the loader may be billed for on BigQuery; it is refused beyond")
    ] = 1 << 40
    bigquery_day_bytes: Annotated[
        int | None, About("most bytes of one UTC day there; beyond it the load rests until tomorrow; unset: no limit")
    ] = None
    slot: Annotated[str, About("replication slot; used as it is when it exists already")] = "flux"
    publication: Annotated[str, About("publication; used as it is when it exists already")] = "flux"
    clock: Annotated[
        str | None, About("schema.table.column of the source with the time of each transaction; unset: commit time")
    ] = None
    copy_bytes_per_second: Annotated[
        int | None, About("most bytes a second that copies read from the source; unset: no limit")
    ] = None
    wal_budget_bytes: Annotated[
        int,
        About("most WAL that the slot may hold back at the source; beyond it Flux gives the slot up and copies anew"),
    ] = 20 << 30
    wire: Annotated[
        WireFormat, About("format of values in the stream; what is not read in binary is streamed as text all the same")
    ] = "text"
    history: Annotated[
        HistoryMode, About("whether each table gets a history beside its mirror; stays as the warehouse was begun")
    ] = "keep"
    loader_memory_bytes: Annotated[
        int,
        About(
            "most memory of the DuckDB inside the loader (in a backlog of events 1.75 times that); else files are used"
        ),
    ] = MEMORY_BYTES
    build_memory_bytes: Annotated[
        int | None,
        About(
            "most memory of the DuckDB that builds models or training sets, then files; unset: 80 % of all, or 1 GiB"
        ),
    ] = None
    verify_snapshot_minutes: Annotated[
        float, About("minutes that a snapshot of `flux verify` may last, and hold back the source's VACUUM")
    ] = 10.0
    log_keep_days: Annotated[float, About("days for which the log keeps what is loaded, for a replay")] = 30.0
    log_keep_bytes: Annotated[
        int | None, About("bytes of the log above which it gives up the oldest of that sooner; unset: no limit")
    ] = None
    metrics_port: Annotated[int, About("port of the metrics on loopback, under `flux up`")] = 3072
    otlp_endpoint: Annotated[
        str | None,
        About("http(s)://HOST:PORT of an OpenTelemetry receiver that gets the metrics; unset: none does", secret=True),
    ] = None
    selection: Annotated[
        Path | None, About("YAML of what leaves the source and in which form (docs/selection.md); unset: all as it is")
    ] = None
    hash_key: Annotated[str | None, About("key of hashed columns, at least 32 bytes", secret=True, opaque=True)] = None
    hash_key_file: Annotated[Path | None, About("file with that key, instead of the variable")] = None
    write_keys: Annotated[
        str | None, About("key:source,key:source of Segment sources; unset: sources.toml below FLUX_HOME", secret=True)
    ] = None
    tracking_plan: Annotated[
        Path | None, About("tracking_plan.yaml of the events; unset: the stand-in's own, none beside a real source")
    ] = None
    collect_port: Annotated[int, About("port of the collector")] = 8675
    collect_host: Annotated[str, About("address that the collector listens at; it speaks no TLS")] = "127.0.0.1"
    collect_url: Annotated[
        str | None, About("where doctor and alerts ask for the collector's health; unset: loopback, FLUX_COLLECT_PORT")
    ] = None
    collect_proxies: Annotated[
        str | None, About("addresses or networks, by commas, of proxies whose X-Forwarded-* are believed")
    ] = None
    collect_body_bytes: Annotated[int, About("largest body of a request, as it comes and unpacked")] = 8 << 20
    collect_connections: Annotated[int, About("most connections to the collector at once")] = 1_000
    collect_free_bytes: Annotated[int, About("disk space below which the collector refuses events")] = 1 << 30
    collect_requests_per_second: Annotated[
        float | None, About("most requests a second of one write key; unset: as many as the disk takes")
    ] = None
    alert_seconds: Annotated[float, About("seconds between two looks for what is wrong, of `flux alerts watch`")] = 60.0
    alert_webhook: Annotated[
        str | None, About("Slack-compatible webhook that gets alerts, https://...", secret=True, opaque=True)
    ] = None
    alert_smtp_url: Annotated[
        str | None,
        About("smtp://USER:PASSWORD@HOST:587 (STARTTLS) or smtps://... that sends alerts as e-mail", secret=True),
    ] = None
    alert_email_from: Annotated[str | None, About("address that e-mails come from")] = None
    alert_email_to: Annotated[str | None, About("addresses that get them, by commas")] = None
    alert_pagerduty_key: Annotated[
        str | None, About("routing key of PagerDuty's Events API v2", secret=True, opaque=True)
    ] = None
    alert_pagerduty_url: Annotated[str, About("endpoint of that API, or of one like it")] = (
        "https://events.pagerduty.com/v2/enqueue"
    )
    alert_runbook_url: Annotated[str, About("where docs/runbook.md can be read; alerts link to its headings")] = (
        "docs/runbook.md"
    )
    sentry_dsn: Annotated[
        str | None, About("DSN of the Sentry project that gets exceptions", secret=True, opaque=True)
    ] = None
    sentry_environment: Annotated[str, About("environment that they are told apart by there")] = "production"
    dogstatsd: Annotated[str | None, About("HOST:PORT of a Datadog agent that gets the metrics; unset: none does")] = (
        None
    )
    metabase_url: Annotated[
        str | None, About("http(s)://HOST[:PORT] of the Metabase that gets the dashboards; unset: none does")
    ] = None
    metabase_api_key: Annotated[str | None, About("API key of that Metabase, mb_...", secret=True, opaque=True)] = None
    metabase_api_key_file: Annotated[Path | None, About("file with that key, instead of the variable")] = None
    metabase_log_url: Annotated[
        str | None,
        About("postgresql://... of Metabase's application database, for the Usage page; unset: unknown", secret=True),
    ] = None
    metabase_database: Annotated[str, About("name in Metabase of the database with the published models")] = "Flux"
    metabase_database_url: Annotated[
        str | None,
        About("postgresql://... or duckdb:///PATH of that one as Metabase reaches it, for its set-up", secret=True),
    ] = None
    metabase_admin_email: Annotated[str | None, About("address of the first administrator of an empty Metabase")] = None
    metabase_admin_password: Annotated[str | None, About("that one's password", secret=True, opaque=True)] = None
    metabase_admin_password_file: Annotated[Path | None, About("file with that password, instead of the variable")] = (
        None
    )
    metabase_embedding_secret: Annotated[
        str | None, About("key that signs embedded dashboards: 64 hexadecimal digits", secret=True, opaque=True)
    ] = None
    metabase_embedding_secret_file: Annotated[Path | None, About("file with that key, instead of the variable")] = None
    dagster_port: Annotated[int, About("port of Dagster's web server on loopback, under `flux up`")] = 3070
    dagster_url: Annotated[
        str | None, About("postgresql://... of Dagster's storage; unset: files below FLUX_HOME", secret=True)
    ] = None
    site_port: Annotated[int, About("port of the dashboards on loopback, under `flux up`")] = 3071
    build_minutes: Annotated[float, About("least minutes between two builds of the models under `flux up`")] = 5.0
    demo_scale: Annotated[
        float | None, About("size of the stand-in; unset: as it was made, else 1, about 300 k rows and 100 k events")
    ] = None
    demo_seed: Annotated[
        int | None,
        About("seed of the stand-in: the same seed, scale and end give the same rows; unset: as it was made"),
    ] = None
    demo_end: Annotated[
        dt.date | None, About("day on which the stand-in's simulated past ends; unset: as it was made, else today")
    ] = None
    demo_bias: Annotated[float | None, About("bias of its newest matcher, demo/NOTES.md; unset: as it was made")] = None
    demo_rate: Annotated[float, About("transactions a second of the stand-in's live traffic under `flux up`")] = 5.0
    debug: Annotated[bool, About("1 shows tracebacks instead of one-line errors")] = False

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the FLUX_* variables. Raises SettingError for an unknown name or a value that cannot be meant."""
        environment = with_files(os.environ if environment is None else environment, secrets())
        known = {PREFIX + name.upper(): name for name in _HINTS}
        values: dict[str, object] = {}
        for name, text in environment.items():
            if not name.startswith(PREFIX) or name in NOT_SETTINGS:
                continue
            if name not in known:
                raise SettingError(unknown(name, known))
            if text != "":
                values[known[name]] = parse(name, text, *_HINTS[known[name]])
        settings = cls(**values)  # type: ignore[arg-type]  # parsed by the fields' own types above
        settings = dataclasses.replace(settings, home=settings.home.expanduser().absolute())
        check(settings)
        return settings

    @classmethod
    def read_what_can_be_meant(cls, environment: Mapping[str, str] | None = None) -> tuple[Settings, list[str]]:
        """Read the variables, and tell of those that `read` refuses instead of raising: for who examines them."""
        left = dict(os.environ if environment is None else environment)
        complaints = []
        for name in [name for name in left if name.startswith(PREFIX) and name not in NOT_SETTINGS]:
            try:
                cls.read({name: left[name]})
            except FluxError as error:
                complaints.append(str(error))
                del left[name]
        return cls.read(left), complaints

    # ---------- where things are

    @property
    def log_directory(self) -> Path:
        """The durable log of both doors: postgres/, copies/, events/."""
        return self.home / "log"

    @property
    def warehouse(self) -> str:
        """URL of the live warehouse; only the holder of the lease may open it."""
        if self.warehouse_url is not None and self.warehouse_url.startswith(POSTGRES):
            return self.warehouse_url
        if self.has_bigquery_warehouse:
            said = {"location": self.bigquery_location, "job_bytes": self.bigquery_job_bytes}
            said["day_bytes"] = self.bigquery_day_bytes
            given = {name: value for name, value in said.items() if value is not None}
            return f"{self.warehouse_url}?{urlencode(given)}"
        return f"{DUCKDB}{self.warehouse_path}"

    @property
    def has_postgres_warehouse(self) -> bool:
        """Whether the warehouse is a Postgres, whose readers ask its schema `serving`."""
        return self.warehouse_url is not None and self.warehouse_url.startswith(POSTGRES)

    @property
    def has_bigquery_warehouse(self) -> bool:
        """Whether the warehouse is on BigQuery, whose readers ask its datasets."""
        return self.warehouse_url is not None and self.warehouse_url.startswith(BIGQUERY)

    @property
    def is_read_in_place(self) -> bool:
        """Whether readers of what is raw ask the warehouse itself, where each commit is seen whole."""
        return self.has_postgres_warehouse or self.has_bigquery_warehouse

    @property
    def warehouse_path(self) -> Path:
        """The live DuckDB file, where the warehouse is one."""
        if self.warehouse_url is None or self.is_read_in_place:
            return self.home / "warehouse.duckdb"
        return Path(self.warehouse_url.removeprefix(DUCKDB)).absolute()

    @property
    def published_path(self) -> Path:
        """The DuckDB file that readers open."""
        return self.home / "published" / "warehouse.duckdb"

    @property
    def restricted_path(self) -> Path:
        """The DuckDB file with what is restricted, 0600, for its own audience."""
        return self.home / "published" / "protected.duckdb"

    @property
    def stand_in_directory(self) -> Path:
        """The embedded server of the stand-in product."""
        return self.home / "postgres"

    @property
    def stand_in_lock(self) -> Path:
        """Shared by all who use the stand-in's server."""
        return self.home / "stand-in.lock"

    @property
    def has_stand_in(self) -> bool:
        """Tell whether the product is the stand-in, whose time is simulated."""
        return self.source_url is None

    @property
    def site_directory(self) -> Path:
        """The static dashboards; index.html opens from disk."""
        return self.home / "site"

    @property
    def datasets_directory(self) -> Path:
        """Training sets: <name>/<id>/."""
        return self.home / "datasets"

    @property
    def dagster_home(self) -> Path:
        """Dagster's storage, its DAGSTER_HOME."""
        return self.home / "dagster"

    @property
    def dbt_directory(self) -> Path:
        """dbt's target, logs and the cached manifest."""
        return self.home / "dbt"

    @property
    def logs_directory(self) -> Path:
        """One text log for each process of ours."""
        return self.home / "logs"

    @property
    def sources_file(self) -> Path:
        """The write keys of the events' sources, where FLUX_WRITE_KEYS does not give them."""
        return self.home / "sources.toml"

    @property
    def capture_lock(self) -> Path:
        """Held by the one capture of this home: two would write one log."""
        return self.home / "capture.lock"

    @property
    def up_lock(self) -> Path:
        """Held by the one `flux up` (or `flux demo`) of this home."""
        return self.home / "up.lock"

    @property
    def alerts_lock(self) -> Path:
        """Held by the one who looks for what is wrong, and tells of it."""
        return self.home / "alerts.lock"

    @property
    def alerts_path(self) -> Path:
        """What is wrong, since when, and what is still to be told of it."""
        return self.home / "alerts.json"

    @property
    def status_path(self) -> Path:
        """What the warehouse's owner last committed, as JSON."""
        return self.home / "status.json"

    def environment(self) -> dict[str, str]:
        """Give the variables that make a child process read these very settings."""
        values = {PREFIX + name.upper(): getattr(self, name) for name in _HINTS}
        return {name: text_of(value) for name, value in values.items() if value is not None}

    def __repr__(self) -> str:
        shown = ", ".join(f"{row['name']}={row['value']!r}" for row in describe(self))
        return f"Settings({shown})"


def secrets() -> list[str]:
    """Name the variables that may be given as a file, too: NAME_FILE. Those with a setting for that are left to it."""
    names = {PREFIX + name.upper(): about.secret for name, (_, about) in _HINTS.items()}
    return [name for name, secret in names.items() if secret and name + SUFFIX not in names]


def describe(settings: Settings) -> list[dict[str, str]]:
    """List every setting as {name, type, default, value, doc}; the value of a secret is masked."""
    rows = []
    for field in dataclasses.fields(Settings):
        kind, about = _HINTS[field.name]
        value = text_of(getattr(settings, field.name))
        rows.append(
            {
                "name": PREFIX + field.name.upper(),
                "type": KINDS[kind].name,
                "default": text_of(field.default),
                "value": shown(value, about) if value else value,
                "doc": about.doc,
            }
        )
    return rows


_HINTS: dict[str, tuple[object, About]] = {
    name: get_args(hint) for name, hint in get_type_hints(Settings, include_extras=True).items()
}
