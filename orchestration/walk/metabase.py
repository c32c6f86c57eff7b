"""The dashboards' definitions and a Metabase: what is wanted there, what is there, and the plan between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dashboards import catalogue
from dashboards.catalogue import READABLE
from dashboards.compile import Query, columns_of_manifest, relations_of_manifest
from dashboards.dry_run import validate as validated
from dashboards.loader import Definitions, load_definitions
from dashboards.metabase import apply as applying
from dashboards.metabase import tables
from dashboards.metabase.apply import Applied, Progress, refresh
from dashboards.metabase.client import Client
from dashboards.metabase.export import export_yaml
from dashboards.metabase.found import Found, noted_number
from dashboards.metabase.metrics import metric_items
from dashboards.metabase.models import Kinds, kinds_of, load_queries, model_items
from dashboards.metabase.native import Translate
from dashboards.metabase.plan import Plan, plan
from dashboards.metabase.rights import accounts, group_items, without_account
from dashboards.metabase.sending import require_channels, sending_items
from dashboards.metabase.surroundings import Surroundings, load_surroundings
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
class Defined:
    """What the files say, checked."""

    definitions: Definitions
    queries: Mapping[str, Query]
    relations: Mapping[str, str]
    surroundings: Surroundings
    models: Mapping[str, Query]
    """Queries of Metabase's models."""
    kinds: Kinds


@dataclass(frozen=True, slots=True)
class Deployment:
    """One Metabase and the definitions: both sides, and the difference."""

    client: Client
    said: Defined
    wanted: Mapping[str, Item]
    found: Found
    plan: Plan
    engine: str
    """With which Metabase reads the published models."""
    unread: tuple[str, ...]
    """Models whose tables Metabase does not know."""
    absent: tuple[str, ...]
    """People of the file who have no account there."""


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard that a Metabase shows, and the relations that its cards read."""

    key: str
    question: str
    relations: tuple[str, ...]


def boards(manifest: Path) -> list[Board]:
    """List the dashboards that a Metabase shows; no server is asked. Raises DefinitionError."""
    said = defined(manifest, DEFINITIONS)
    return [
        Board(one.key, one.question, tuple(sorted({
            relation for card in one.cards.values() for relation in said.queries[card.sql_name].relations
        })))
        for one in published(said).dashboards
    ]  # fmt: skip


def edits_by_dashboard(deployment: Deployment) -> dict[str, list[str]]:
    """Name the items that somebody edited there, by their dashboard; `""` has what belongs to none."""
    found: dict[str, list[str]] = {}
    for change in deployment.plan.edits:
        home = change.item.key if change.item.kind == "dashboard" else change.item.home
        found.setdefault(home, []).append(change.item.id)
    return found


def validate(manifest: Path) -> dict[str, int]:
    """Check all definitions; count what there is. Raises DefinitionError at the first mistake."""
    said = defined(manifest, DEFINITIONS)
    cards = sum(len(dashboard.cards) for dashboard in said.definitions.dashboards)
    return {"dashboards": len(said.definitions.dashboards), "cards": cards, "queries": len(said.queries)}


def defined(manifest: Path, directory: Path) -> Defined:
    """Read and check the definitions. Raises DefinitionError."""
    definitions = load_definitions(directory, load_metrics(project_directory()))
    relations = relations_of_manifest(manifest)
    queries = validated(definitions, manifest)
    around = load_surroundings(directory / "metabase", definitions, relations)
    models = directory / "metabase" / "models"
    asked = load_queries(models, around.models, relations)
    kinds = kinds_of(asked, models, relations, columns_of_manifest(manifest))
    return Defined(definitions, queries, relations, around, asked, kinds)


def published(said: Defined) -> Definitions:
    """Leave out dashboards that read what is not published to all: Metabase's database has none of it."""
    kept = [
        dashboard
        for dashboard in said.definitions.dashboards
        if all(
            relation.partition(".")[0] in READABLE
            for card in dashboard.cards.values()
            for relation in said.queries[card.sql_name].relations
        )
    ]
    return replace(said.definitions, dashboards=tuple(kept))


def open_deployment(settings: Settings, manifest: Path, directory: Path = DEFINITIONS) -> Deployment:
    """Read both sides. Raises SettingError, FluxError, DashboardError."""
    said = defined(manifest, directory)
    client = open_client(settings)
    database = _database(client, settings.metabase_database)
    number, engine = database["id"], database["engine"]
    read = client.get(f"/api/database/{number}/metadata", include_hidden=True)
    there = tables.read_tables(read, said.relations, engine)
    found = tables.index(there)
    groups = said.surroundings.groups
    found.accounts = accounts(client, groups)
    models = catalogue.models(manifest, settings.dbt_directory / catalogue.LAST_BUILD)
    columns = {model: [field["name"] for field in one["fields"]] for model, one in there.items()}
    content = wanted(
        published(said),
        said.queries,
        said.surroundings,
        _DIALECTS[engine],
        database=number,
        relations=said.relations,
    )
    more = [
        *group_items(groups, said.surroundings.collections, number, found.accounts),
        *tables.table_items(models, tables.Keys(models, manifest), found),
        *metric_items(load_metrics(project_directory()), columns, number),
        *model_items(said.surroundings.models, said.models, said.kinds, models, _DIALECTS[engine], number),
        *sending_items(said.surroundings, content),
    ]
    items = content | {item.id: item for item in more}
    require_channels(client, items.values())
    unread = [model.name for model in models if model.schema in READABLE and model.name not in there]
    found = refresh(client, items, found)
    absent = without_account(groups, found.accounts)
    return Deployment(client, said, items, found, plan(items, found), engine, tuple(unread), tuple(absent))


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
    said, translate = defined(manifest, DEFINITIONS), _DIALECTS[engine]
    models = catalogue.models(manifest, settings.dbt_directory / catalogue.LAST_BUILD)
    # There the database has its name.
    items = wanted(published(said), said.queries, said.surroundings, translate, database=0, relations=said.relations)
    more = model_items(said.surroundings.models, said.models, said.kinds, models, translate, 0)
    return export_yaml(items | {item.id: item for item in more}, settings.metabase_database, directory)


def address(settings: Settings, key: str) -> str:
    """Give the URL of a dashboard in Metabase. Raises SettingError, FluxError, DashboardError."""
    client = open_client(settings)
    return f"{client.url}/dashboard/{number_of(client, key)}"


def number_of(client: Client, key: str) -> int:
    """Give the server's number of a dashboard. Raises FluxError."""
    number = noted_number(client, key)
    if number is None:
        raise FluxError(
            f"there is no dashboard {key!r} of Flux's in this Metabase; 'flux dashboards plan' lists what is"
        )
    return number


def open_client(settings: Settings) -> Client:
    """Speak to the Metabase of the settings. Raises SettingError, MetabaseVersionError."""
    url = url_of(settings)
    key = secret("METABASE_API_KEY", settings.metabase_api_key, settings.metabase_api_key_file)
    if key is None:
        raise SettingError(
            "no key for Metabase; make one there (Admin, Authentication, API keys) and set FLUX_METABASE_API_KEY,"
            " or let 'flux dashboards set-up' make one"
        )
    client = Client(url, api_key=key)
    client.require_version()
    return client


def url_of(settings: Settings) -> str:
    """Give the Metabase's address. Raises SettingError."""
    if settings.metabase_url is None:
        raise SettingError(
            "no Metabase is told; set FLUX_METABASE_URL, and FLUX_METABASE_API_KEY with a key made there"
        )
    return settings.metabase_url


def secret(name: str, value: str | None, path: Path | None) -> str | None:
    """Give a secret from its variable or its file. Raises SettingError for a file that cannot be read."""
    if path is None:
        return value
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingError(f"FLUX_{name}_FILE cannot be read: {error.strerror}") from error


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
