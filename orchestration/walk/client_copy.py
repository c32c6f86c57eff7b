"""A file for the readers of one client: its rows of the published models. DuckDB has no roles (docs/tenants.md)."""

from __future__ import annotations

from pathlib import Path

from dashboards.catalogue import READABLE
from ingestion.warehouse.publish import PublishReport, Share
from ingestion.warehouse.publish import publish as _publish
from orchestration.errors import FluxError
from orchestration.serving import CURRENT_CUT
from orchestration.settings import Settings
from orchestration.warehouse import Warehouse

# Models without client_id that every client may have; dbt_project/macros/rows_per_client.sql says why.
SAME_FOR_ALL = frozenset(
    {
        *("marts.dim_date", "reporting.rpt_closed_weeks", ".".join(CURRENT_CUT)),
        *("marts.dim_skill", "marts.dim_model_version"),
    }
)


def copy_for_client(settings: Settings, slug: str, target: Path) -> PublishReport:
    """Write the published models' rows of the client `slug` to the DuckDB file `target`, in place of what it was.

    Reads the published copy, so it waits for nobody. Raises FluxError when there is no such client.
    """
    if settings.has_postgres_warehouse:
        raise FluxError("on Postgres readers of one client have a role instead of a file; docs/tenants.md says how")
    if target.exists() and target.samefile(settings.published_path):
        raise FluxError(f"{str(target)!r} is what all readers open; name another file")
    with Warehouse.open(settings.published_path) as warehouse:
        rows = warehouse.arrow(
            "select client_id from marts.dim_client where client_slug = :slug", {"slug": slug}
        ).to_pylist()
    if not rows:
        raise FluxError(f"no client has the slug {slug!r}; flux query 'select client_slug from marts.dim_client'")
    share = Share(frozenset(READABLE), "client_id", int(rows[0]["client_id"]), SAME_FOR_ALL)
    return _publish(settings.published_path, target, share=share)
