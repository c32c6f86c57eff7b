"""The one code location: every asset, check, job, sensor and schedule. Dagster loads `defs` from here."""

from __future__ import annotations

from orchestration.exceptions import begin
from orchestration.graph import graph
from orchestration.settings import Settings

begin()
defs = graph(Settings.read())
