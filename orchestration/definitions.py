"""The one code location: every asset, check, job, sensor and schedule. Dagster loads `defs` from here."""

from __future__ import annotations

from orchestration.graph import graph
from orchestration.settings import Settings

defs = graph(Settings.read())
