"""The ways into a Metabase: set an empty one up, take a dashboard of its users in, sign an address for a client."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dashboards.compile import columns_of_manifest
from dashboards.errors import DefinitionError
from dashboards.metabase import adopt as adopting
from dashboards.metabase.adopt_card import add_card, mark_card
from dashboards.metabase.adopt_sql import Place
from dashboards.metabase.embedding import embed_url
from dashboards.metabase.errors import AdoptError
from dashboards.metabase.setting_up import Admin, Ready, Source, set_up
from dashboards.metabase.wanted import ROOT
from orchestration.errors import FluxError, SettingError
from orchestration.settings import Settings
from orchestration.walk.metabase import Deployment, defined, number_of, open_client, open_deployment, secret, url_of
from orchestration.walk.readers import DEFINITIONS, newest_cut, reading

_DASHBOARD = re.compile(r"(?:.*/dashboard/)?(\d+)(?:-[^/]*)?")
_CARD = re.compile(r"(?:.*/question/|card:)(\d+)(?:-[^/]*)?")


@dataclass(frozen=True, slots=True)
class Adopted:
    """What became of a dashboard of Metabase's."""

    key: str
    number: int
    files: tuple[Path, ...]
    cards: int
    left: tuple[str, ...]
    dropped: tuple[str, ...] = ()


def prepare(settings: Settings, *, wait_seconds: float, say: Callable[[str], None]) -> Ready:
    """Bring the Metabase of the settings to where dashboards can be applied. Raises SettingError, DashboardError."""
    if settings.metabase_database_url is None:
        raise SettingError(
            "set FLUX_METABASE_DATABASE_URL: the database with the published models as Metabase reaches it,"
            " postgresql://role:password@host/database or duckdb:///PATH"
        )
    password = secret(
        "METABASE_ADMIN_PASSWORD", settings.metabase_admin_password, settings.metabase_admin_password_file
    )
    key_file = settings.metabase_api_key_file
    key = settings.metabase_api_key
    if key_file is not None and key_file.exists():
        key = secret("METABASE_API_KEY", None, key_file)
    email = settings.metabase_admin_email
    return set_up(
        url_of(settings),
        admin=Admin(email, password) if email is not None and password is not None else None,
        source=Source(settings.metabase_database, settings.metabase_database_url),
        api_key=key,
        key_file=key_file,
        embedding_secret=_embedding_secret(settings),
        wait_seconds=wait_seconds,
        say=say,
    )


def adopt(
    settings: Settings,
    manifest: Path,
    which: str,
    *,
    key: str,
    owner: str,
    audience: str,
    directory: Path,
    without: Sequence[str] = (),
) -> Adopted:
    """Make a dashboard ours: write its definition unless `key` has one, and set its markers.

    `without` are names of filters that do not come along.
    Raises SettingError, FluxError, DashboardError; then no file is left behind.
    """
    if card := _CARD.fullmatch(which):
        return _adopt_card(settings, manifest, int(card.group(1)), key=key, directory=directory)
    match = _DASHBOARD.fullmatch(which)
    if match is None:
        raise FluxError(
            f"{which!r} is no dashboard and no card of Metabase's: give a dashboard's number, card:NUMBER or an address"
        )
    number = int(match.group(1))
    deployment = open_deployment(settings, manifest, directory)
    client, found, said = deployment.client, deployment.found, deployment.said
    keys = {dashboard.key for dashboard in said.definitions.dashboards}
    if f"dashboard:{key}" in found.items and key in keys:
        raise AdoptError(f"{key!r} is a dashboard of Flux's there already: {found.items[f'dashboard:{key}'].number}")
    raw = client.get(f"/api/dashboard/{number}")
    adopting.require_unmanaged(raw, key, keys)
    files: list[Path] = []
    if key in keys:
        draft = adopting.matched(raw, key, deployment.wanted)
    else:
        draft = adopting.drafted(
            client,
            raw,
            key=key,
            owner=owner,
            audience=audience,
            order=max(dashboard.order for dashboard in said.definitions.dashboards) + 1,
            place=_place(deployment, manifest),
            without=without,
            taken=[card for dashboard in said.definitions.dashboards for card in dashboard.cards],
        )
        files = adopting.write(draft, directory)
    with _sound(manifest, directory, dict.fromkeys(files)):
        adopting.mark(client, raw, draft, found, deployment.wanted[f"collection:{ROOT}"])
    return Adopted(key, number, tuple(files), len(draft.cards), draft.left, draft.dropped)


def _adopt_card(settings: Settings, manifest: Path, number: int, *, key: str, directory: Path) -> Adopted:
    """Take a card into the dashboard `key`, which is there already."""
    deployment = open_deployment(settings, manifest, directory)
    client, found, said = deployment.client, deployment.found, deployment.said
    number_of(client, key)
    if number in found.keys("card"):
        raise AdoptError(f"card {number} is Flux's already, as {found.keys('card')[number]!r}")
    taken = {name for dashboard in said.definitions.dashboards for name in dashboard.cards}
    card, texts = add_card(
        client,
        client.get(f"/api/card/{number}"),
        directory / f"{key}.yaml",
        place=_place(deployment, manifest),
        taken=taken,
    )
    before = {path: path.read_text(encoding="utf-8") if path.exists() else None for path in texts}
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    with _sound(manifest, directory, before):
        mark_card(client, card, number, found, key)
    return Adopted(key, number, tuple(texts), 1, ())


def _place(deployment: Deployment, manifest: Path) -> Place:
    columns = {relation: list(types) for relation, types in columns_of_manifest(manifest).items()}
    return Place.of(deployment.engine, deployment.said.relations, columns, deployment.found.columns)


@contextmanager
def _sound(manifest: Path, directory: Path, before: Mapping[Path, str | None]) -> Iterator[None]:
    """Check what was written; put back what was there before when that, or what the block does, fails."""
    try:
        try:
            defined(manifest, directory)
        except DefinitionError as error:
            raise AdoptError(f"what became of it is no sound definition: {error}") from error
        yield
    except BaseException:
        for path, text in before.items():
            if text is None:
                path.unlink()
            else:
                path.write_text(text, encoding="utf-8")
        raise


def embed(settings: Settings, manifest: Path, key: str, client: str, *, valid_for: dt.timedelta) -> str:
    """Sign an address of a dashboard for one client, by its slug. Raises SettingError, FluxError, DashboardError."""
    said = defined(manifest, DEFINITIONS)
    embedding = said.surroundings.embedding.get(key)
    if embedding is None:
        known = ", ".join(sorted(said.surroundings.embedding)) or "none"
        raise FluxError(f"dashboard {key!r} may not be embedded; access.yaml allows {known}")
    signing = _embedding_secret(settings)
    if signing is None:
        raise SettingError("no key to sign with; set FLUX_METABASE_EMBEDDING_SECRET_FILE")
    server = open_client(settings)
    number = number_of(server, key)
    with reading(settings) as warehouse:
        newest_cut(warehouse)  # says what is missing when nothing is published
        rows = warehouse.arrow(
            f"select client_slug, {embedding.column} as value from {said.relations[embedding.model]}"
        ).to_pylist()
    values = [row["value"] for row in rows if row["client_slug"] == client]
    if len(values) != 1:
        raise FluxError(f"no client has the slug {client!r}; flux query 'select client_slug from marts.dim_client'")
    return embed_url(
        server.url,
        signing,
        dashboard=number,
        parameter=embedding.column,
        value=int(values[0]),
        now=dt.datetime.now(dt.UTC),
        valid_for=valid_for,
    )


def _embedding_secret(settings: Settings) -> str | None:
    return secret(
        "METABASE_EMBEDDING_SECRET", settings.metabase_embedding_secret, settings.metabase_embedding_secret_file
    )
