"""The kinds of warehouse, by the begin of their URLs, and what the URL of one on BigQuery says."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from ingestion.errors import WarehouseError

DUCKDB: Final = "duckdb:///"
POSTGRES: Final = ("postgresql://", "postgres://")
BIGQUERY: Final = "bigquery://"
_PROJECT: Final = re.compile(r"[a-z][a-z0-9.:-]*[a-z0-9]")
_PREFIX: Final = re.compile(r"[A-Za-z0-9_]*")
_NUMBERS: Final = ("job_bytes", "day_bytes")


@dataclass(frozen=True, slots=True)
class BigqueryPlace:
    """A project, what the names of all its datasets of ours begin with, and what a load may cost there.

    `job_bytes`: most bytes that one job is billed for; `day_bytes`: all of a UTC day. None: no limit.
    """

    project: str
    prefix: str = ""
    location: str | None = None
    job_bytes: int | None = None
    day_bytes: int | None = None


def bigquery_place(url: str) -> BigqueryPlace:
    """Read `bigquery://PROJECT[/PREFIX][?location=EU&job_bytes=N&day_bytes=N]`. Raises WarehouseError."""
    parts = urlsplit(url)
    prefix = parts.path.removeprefix("/")
    if not _PROJECT.fullmatch(parts.netloc):
        raise WarehouseError(f"bigquery://PROJECT[/PREFIX] wants the id of a project, got {parts.netloc!r}")
    if not _PREFIX.fullmatch(prefix):
        raise WarehouseError(f"a prefix of datasets has letters, digits and _ only, got {prefix!r}")
    said = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := said.keys() - {"location", *_NUMBERS}:
        raise WarehouseError(f"bigquery://PROJECT?... takes location, job_bytes and day_bytes, not {min(unknown)!r}")
    for name in _NUMBERS:
        if name in said and not (said[name].isdecimal() and int(said[name])):
            raise WarehouseError(f"{name} of a bigquery:// URL is a number of bytes, got {said[name]!r}")
    limits = {name: int(said[name]) for name in _NUMBERS if name in said}
    return BigqueryPlace(parts.netloc, prefix, said.get("location") or None, **limits)
