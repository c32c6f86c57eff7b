"""The docs of models and metrics: collect what they tell, and write them beside the dashboards.

From the manifest, the metric layer, the dashboards' definitions, the last build, and what is published. They can be
built before anything is: then they say so.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from dashboards import catalogue
from dashboards.catalogue import Model
from dashboards.checks import check_sources
from dashboards.compile import relations_of_manifest
from dashboards.cut import Cut
from dashboards.docs import names
from dashboards.docs.content import Check, Content, Landed, Sql
from dashboards.docs.site import DocsReport
from dashboards.docs.site import build_docs as _build_docs
from dashboards.loader import load_definitions
from dashboards.metrics import load_metrics
from dashboards.uses import by_metric, by_relation
from ingestion.warehouse.postgres.serving import SERVING
from orchestration.errors import FluxError
from orchestration.models import project_directory
from orchestration.settings import Settings
from orchestration.walk.readers import DEFINITIONS, Reading, newest_cut, reading
from orchestration.warehouse import Warehouse

__all__ = ["DocsReport", "build_docs"]

FRESHNESS = "rpt_data_freshness"
QUALITY = "quality"  # directory of Great Expectations' Data Docs, beside the site
Columns = dict[str, dict[str, str]]


def build_docs(settings: Settings, manifest: Path, *, restricted: bool = False, linked: bool = False) -> DocsReport:
    """Build the docs into the site; of what is restricted they say no more than that it is there, and whose.

    With `restricted` they are complete, and go to a directory that their owner alone may open. `linked` says that the
    dashboards are about to be built; docs link to them then, or where they stand already.
    """
    site = _site(settings, restricted)
    there = not restricted and (linked or (site / "index.html").exists())
    return _build_docs(collect(settings, manifest, restricted=restricted, linked=there), site)


def index_of(settings: Settings) -> Path:
    """Name the first page of the docs for everybody."""
    return settings.site_directory / names.DIRECTORY / names.INDEX


def page_of(settings: Settings, model: Model) -> Path | None:
    """Name the model's page, if it was built."""
    page = index_of(settings).with_name(names.page_of("model", model.name))
    return page if page.exists() else None


def _site(settings: Settings, restricted: bool) -> Path:
    return settings.restricted_path.with_name("protected_docs") if restricted else settings.site_directory


def collect(settings: Settings, manifest: Path, *, restricted: bool = False, linked: bool = False) -> Content:
    """Collect all that the docs tell. Raises DashboardError when a definition is wrong."""
    metrics = load_metrics(project_directory())
    definitions = load_definitions(DEFINITIONS, metrics).shared()
    models = catalogue.models(manifest, settings.dbt_directory / catalogue.LAST_BUILD)
    cut, columns, landed = _warehouse(settings)
    if restricted and not settings.has_postgres_warehouse and settings.restricted_path.exists():
        with Warehouse.open(settings.restricted_path) as warehouse:
            columns |= columns_of(warehouse)
    return Content(
        models={model.relation: model for model in models},
        sources={source.relation: source for source in catalogue.sources(manifest)},
        metrics=metrics,
        sql={model.relation: _sql(settings, model) for model in models},
        shown=by_metric(definitions),
        read=by_relation(definitions, check_sources(definitions, relations_of_manifest(manifest))),
        cut=cut,
        landed=landed,
        columns=columns,
        checks=_checks(settings, _site(settings, restricted)),
        open=restricted,
        linked=linked,
    )


def _warehouse(settings: Settings) -> tuple[Cut | None, Columns, Mapping[str, Landed]]:
    """Ask what is published; nothing is known before the first build."""
    try:
        with reading(settings) as warehouse:
            columns = columns_of(warehouse)
            schema = SERVING if settings.has_postgres_warehouse else "reporting"
            if f"{schema}.{FRESHNESS}" not in columns:
                return None, columns, {}
            newest = newest_cut(warehouse)
            cut = Cut(newest.cut_id, newest.at, newest.made_at, simulated=settings.has_stand_in)
            return cut, columns, landed_of(warehouse)
    except FluxError:
        return None, {}, {}


def columns_of(warehouse: Reading) -> Columns:
    """List the columns of every relation that the connection sees, with the engine's types."""
    rows = warehouse.arrow(
        "select table_schema || '.' || table_name as relation, cast(column_name as varchar) as column_name,"
        " lower(data_type) as kind"
        " from information_schema.columns order by table_schema, table_name, ordinal_position"
    ).to_pylist()
    found: Columns = {}
    for row in rows:
        found.setdefault(row["relation"], {})[row["column_name"]] = row["kind"]
    return found


def landed_of(warehouse: Reading) -> dict[str, Landed]:
    """Read how fresh each landed table was when the models were built."""
    rows = warehouse.arrow(
        f"select relation, state, status, row_count, lag_seconds, newest_change_at from reporting.{FRESHNESS}"
    ).to_pylist()
    return {row.pop("relation"): Landed(**row) for row in rows}


def _checks(settings: Settings, site: Path) -> dict[str, Check]:
    """Read what the checks at the borders left; their pages stand beside the site."""
    directory = settings.home / QUALITY
    try:
        found = json.loads((directory / "index.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    there = os.path.relpath(directory, site / names.DIRECTORY)
    return {relation: Check(f"{there}/{entry['page']}", entry["status"]) for relation, entry in found.items()}


def _sql(settings: Settings, model: Model) -> Sql:
    compiled = settings.dbt_directory / "target" / "compiled" / "flux" / model.path
    return Sql(
        (project_directory() / model.path).read_text(encoding="utf-8"),
        compiled.read_text(encoding="utf-8") if compiled.exists() else None,
    )
