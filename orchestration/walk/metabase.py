"""The dashboards' definitions and a Metabase: what is wanted there, what is there, and the plan between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboards.checks import check_sources
from dashboards.compile import relations_of_manifest
from dashboards.loader import Definitions, load_definitions
from dashboards.metabase import apply as applying
from dashboards.metabase.apply import Applied, Progress, refresh
from dashboards.metabase.client import Client
from dashboards.metabase.export import export_yaml
from dashboards.metabase.found import Found
from dashboards.metabase.native import Translate
from dashboards.metabase.plan import Plan, plan
from dashboards.metabase.wanted import Item, wanted
from dashboards.metrics import load_metrics
from orchestration.errors import FluxError, SettingError
from orchestration.models import project_directory
from orchestration.serving import generated
from orchestration.settings import Settings
from orchestration.walk.readers import DEFINITIONS

# The dialects of the engines that Metabase may read the published models with.
_DIALECTS: Mapping[str, Translate] = {"postgres": generated, "duckdb": lambda tree: tree.sql(dialect="duckdb")}


@dataclass(frozen=True, slots=True)
class Deployment:
    """One Metabase and the definitions: both sides, and the difference."""

    client: Client
    wanted: Mapping[str, Item]
    found: Found
    plan: Plan


def validate(manifest: Path) -> dict[str, int]:
    """Check all definitions; count what there is. Raises DefinitionError at the first mistake."""
    definitions = _definitions()
    queries = check_sources(definitions, relations_of_manifest(manifest))
    cards = sum(len(dashboard.cards) for dashboard in definitions.dashboards)
    return {"dashboards": len(definitions.dashboards), "cards": cards, "queries": len(queries)}


def open_deployment(settings: Settings, manifest: Path) -> Deployment:
    """Read both sides. Raises SettingError, FluxError, DashboardError."""
    definitions = _definitions()
    queries = check_sources(definitions, relations_of_manifest(manifest))
    client = Client(_url(settings), api_key=_api_key(settings))
    client.require_version()
    database = _database(client, settings.metabase_database)
    items = wanted(definitions, queries, _DIALECTS[database["engine"]], database=database["id"])
    found = refresh(client, items)
    return Deployment(client, items, found, plan(items, found))


def apply(deployment: Deployment, *, overwrite: bool, progress: Progress) -> Applied:
    """Do what the plan says. Raises DashboardError."""
    return applying.apply(
        deployment.client,
        deployment.wanted,
        deployment.found,
        deployment.plan,
        overwrite=overwrite,
        progress=progress,
    )


def prune(deployment: Deployment, progress: Callable[[str, int, int], None]) -> list[str]:
    """Archive what is defined no more. Raises DashboardError."""
    return applying.prune(deployment.client, deployment.found, deployment.plan, progress)


def export(settings: Settings, manifest: Path, directory: Path, engine: str) -> list[Path]:
    """Write the definitions as Metabase's own YAML. Raises DefinitionError, OSError."""
    definitions = _definitions()
    queries = check_sources(definitions, relations_of_manifest(manifest))
    items = wanted(definitions, queries, _DIALECTS[engine], database=0)  # there the database has its name
    return export_yaml(items, settings.metabase_database, directory)


def _definitions() -> Definitions:
    return load_definitions(DEFINITIONS, load_metrics(project_directory()))


def _url(settings: Settings) -> str:
    if settings.metabase_url is None:
        raise SettingError(
            "no Metabase is told; set FLUX_METABASE_URL, and FLUX_METABASE_API_KEY with a key made there"
        )
    return settings.metabase_url


def _api_key(settings: Settings) -> str:
    if settings.metabase_api_key is not None:
        return settings.metabase_api_key
    path = settings.metabase_api_key_file
    if path is None:
        raise SettingError(
            "no key for Metabase; make one there (Admin, Authentication, API keys), set FLUX_METABASE_API_KEY"
        )
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingError(f"FLUX_METABASE_API_KEY_FILE cannot be read: {error.strerror}") from error


def _database(client: Client, name: str) -> dict[str, Any]:  # Any: the server's own shape
    found: list[dict[str, Any]] = client.get("/api/database")["data"]
    for one in found:
        if one["name"] == name:
            if one["engine"] not in _DIALECTS:
                known = " and ".join(_DIALECTS)
                raise FluxError(
                    f"Metabase's database {name!r} is of the engine {one['engine']!r}; cards are written for {known}"
                )
            return one
    names = ", ".join(repr(one["name"]) for one in found) or "none"
    raise FluxError(
        f"Metabase has no database {name!r} (it has {names}); add the one with the published models there, or set"
        " FLUX_METABASE_DATABASE"
    )
