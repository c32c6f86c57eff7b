"""The dashboards' sites: one for each audience, each from what that audience may read."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from dashboards import usage
from dashboards.audience import Audience
from dashboards.compile import Query, relations_of_manifest
from dashboards.connection import Connection
from dashboards.cut import Cut
from dashboards.dry_run import validate
from dashboards.errors import did_you_mean
from dashboards.loader import Definitions, load_definitions
from dashboards.metrics import load_metrics
from dashboards.static.site import SiteReport, build_site
from orchestration.costs import read_log
from orchestration.costs.metered import Meter
from orchestration.errors import FluxError
from orchestration.models import project_directory
from orchestration.settings import Settings
from orchestration.walk import readers
from orchestration.walk.readers import DEFINITIONS, Reading, cut_of, newest_cut, reading
from orchestration.walk.usage import usage_of
from orchestration.warehouse import Warehouse

__all__ = ["Page", "SiteReport"]

CARDS_NOTE = "failing_cards.json"
"""Below FLUX_HOME: for each page of the last build the cards whose query or expectation fails."""

CUTS_NOTE = "page_cuts.json"
"""Below FLUX_HOME: for each page the cut that what stands there shows."""

EVERYBODY = "analysts"
"""The audience whose site stands in $FLUX_HOME/site."""
RESTRICTED = "restricted"
AUDIT = f"{RESTRICTED}.rpt_bias_audit_summary"
"""What pages show of what is restricted; each row names the cut that it was made of."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page, for whom it is, and the relations of the warehouse that its cards read."""

    key: str
    title: str
    description: str
    audience: str
    relations: tuple[str, ...]


def definitions() -> Definitions:
    """Load what the dashboards' files say. Raises DefinitionError at the first mistake."""
    return load_definitions(DEFINITIONS, load_metrics(project_directory()))


def pages(manifest: Path) -> list[Page]:
    """List the pages of all sites. Raises DefinitionError when a definition is wrong."""
    loaded = definitions()
    queries = validate(loaded, manifest)
    found = []
    for dashboard in loaded.dashboards:
        read = {relation for card in dashboard.cards.values() for relation in queries[card.sql_name].relations}
        read -= set(usage.COLUMNS)
        found.append(Page(dashboard.key, dashboard.title, dashboard.question, dashboard.audience, tuple(sorted(read))))
    return found


def index_of(settings: Settings, audience: str = EVERYBODY) -> Path:
    """Name the first page of an audience's site. Raises FluxError for an audience that there is not."""
    return settings.home / chosen(definitions(), audience).directory / "index.html"


def chosen(loaded: Definitions, audience: str) -> Audience:
    """Give the audience of that key. Raises FluxError, with the nearest one, for one that there is not."""
    if audience not in loaded.audiences:
        raise FluxError(f"there is no audience {audience!r}{did_you_mean(audience, loaded.audiences)}")
    return loaded.audiences[audience]


def build_sites(
    settings: Settings,
    manifest: Path,
    *,
    audiences: Sequence[str] | None = None,
    only: Collection[str] | None = None,
) -> Iterator[tuple[Audience, SiteReport]]:
    """Build the sites of some audiences (default: all), or some pages of them, from what is published."""
    loaded = definitions()
    queries = validate(loaded, manifest)
    relations = relations_of_manifest(manifest) | usage.RELATIONS
    wanted = [chosen(loaded, key) for key in (loaded.audiences if audiences is None else audiences)]
    if only is not None:
        _check_pages(loaded, only)
    with reading(settings) as warehouse:
        cut = _shown(settings, newest_cut(warehouse))
        for audience in wanted:
            part = loaded.of(audience.key)
            if only is not None and not {dashboard.key for dashboard in part.dashboards} & set(only):
                continue
            with ExitStack() as stack:
                connections = _connections(settings, manifest, part, queries, stack)
                meter = Meter()
                report = build_site(
                    meter.on(warehouse),
                    part,
                    settings.home / audience.directory,
                    relations=relations,
                    cut=cut,
                    pages=None if only is None else sorted(only),
                    connections={schema: meter.on(one) for schema, one in connections.items()},
                    cuts=_cuts(settings, warehouse, connections.get(RESTRICTED, warehouse), part, queries),
                    private=audience.is_private,
                )
                _note_cards(settings.home / CARDS_NOTE, report, loaded)
                _note(settings.home / CUTS_NOTE, _cuts_of(report), loaded)
                read_log.note(settings.logs_directory, meter.readings(part, queries))
                yield audience, report


def _note_cards(path: Path, report: SiteReport, loaded: Definitions) -> None:
    """Write down which cards fail, for `flux doctor`."""
    _note(path, {page.key: sorted({failure.card for failure in page.failures}) for page in report.pages}, loaded)


def _note(path: Path, told: Mapping[str, object], loaded: Definitions) -> None:
    """Write down what is known of pages; of those that were not built what was known stays."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    pages = {dashboard.key for dashboard in loaded.dashboards}
    draft = path.with_suffix(".draft")
    draft.write_text(
        json.dumps({page: said for page, said in {**known, **told}.items() if page in pages}), encoding="utf-8"
    )
    draft.replace(path)


def _cuts_of(report: SiteReport) -> dict[str, int]:
    return {page.key: page.cut for page in report.pages if page.cut is not None and not page.kept}


def _check_pages(loaded: Definitions, only: Collection[str]) -> None:
    known = [dashboard.key for dashboard in loaded.dashboards]
    for key in only:
        if key not in known:
            raise FluxError(f"there is no page {key!r}{did_you_mean(key, known)}")


def _connections(
    settings: Settings, manifest: Path, part: Definitions, queries: Mapping[str, Query], stack: ExitStack
) -> dict[str, Connection]:
    """Open what the pages read beside the published warehouse: what is restricted, and the logs of usage.

    Of a Postgres warehouse what is restricted is read in place, by whoever was granted it.
    """
    read = _schemas(part, queries)
    found: dict[str, Connection] = {}
    if RESTRICTED in read and not settings.has_postgres_warehouse:
        found[RESTRICTED] = stack.enter_context(Warehouse.open(settings.restricted_path))
    if usage.SCHEMA in read:
        found[usage.SCHEMA] = stack.enter_context(usage_of(settings, manifest, part, queries))
    return found


def _cuts(
    settings: Settings, warehouse: Reading, restricted: Connection, part: Definitions, queries: Mapping[str, Query]
) -> dict[str, Cut]:
    """Give the cut of what is restricted: the bias audit is built once a day, and marts more often."""
    if RESTRICTED not in _schemas(part, queries):
        return {}
    schema, _, name = AUDIT.partition(".")
    there = restricted.arrow(  # to whoever may not read it, it is not
        f"select 1 as one from information_schema.tables where table_schema = '{schema}' and table_name = '{name}'"
    )
    if not there.num_rows:
        return {}
    number = restricted.arrow(f"select max(audit_id) as cut_id from {AUDIT}").column(0)[0].as_py()
    return {} if number is None else {RESTRICTED: _shown(settings, cut_of(warehouse, int(number)))}


def _shown(settings: Settings, cut: readers.Cut) -> Cut:
    return Cut(cut.cut_id, cut.at, cut.made_at, simulated=settings.has_stand_in)


def _schemas(part: Definitions, queries: Mapping[str, Query]) -> set[str]:
    return {relation.split(".", 1)[0] for name in part.sql for relation in queries[name].relations}
