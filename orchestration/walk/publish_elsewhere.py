"""The published models into a Postgres of their readers' own."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from dashboards.catalogue import READABLE
from ingestion.warehouse.postgres.elsewhere import Copied, Progress, publish_elsewhere
from ingestion.warehouse.postgres.serving import SERVING
from orchestration.errors import FluxError
from orchestration.serving import CURRENT_CUT
from orchestration.walk.readers import Reading, newest_cut, reading

if TYPE_CHECKING:
    import pyarrow as pa

    from ingestion.warehouse.postgres.serving import ServingReport
    from orchestration.settings import Settings


def publish_to(settings: Settings, url: str, *, readers: Collection[str], progress: Progress) -> ServingReport:
    """Copy what is published to the schema `serving` of another Postgres. Raises FluxError, PublishError.

    Reads what readers read, so it waits for nobody. Nothing restricted is there.
    """
    if not url.startswith(("postgresql://", "postgres://")):
        raise FluxError("--to wants postgresql://role@host:port/database; the password is PGPASSWORD's or .pgpass's")
    with reading(settings) as warehouse:
        cut = newest_cut(warehouse)
        relations = [_relation(warehouse, schema, name) for schema, name in _published(warehouse)]
        state = f"cut {cut.cut_id} of {warehouse.state()}"
        return publish_elsewhere(url, relations, state=state, readers=readers, progress=progress)


def _published(warehouse: Reading) -> list[tuple[str, str]]:
    """List models and the cut that they stand on, as (schema, name)."""
    listed = ", ".join(f"'{schema}'" for schema in READABLE)
    rows = warehouse.arrow(
        "select table_schema, table_name from information_schema.tables"
        f" where table_schema in ({listed}, '{SERVING}') order by 1, 2"
    ).to_pylist()
    names = [(row["table_schema"], row["table_name"]) for row in rows]
    served = [one for one in names if one[0] == SERVING and one[1] != CURRENT_CUT[1]]  # a Postgres: read what is whole
    return [*(served or names), CURRENT_CUT]


def _relation(warehouse: Reading, schema: str, name: str) -> Copied:
    query = f'select * from "{schema}"."{name}"'

    def rows() -> Iterator[pa.RecordBatch]:
        return warehouse.arrow_batches(query)

    return Copied(name, warehouse.arrow(f"{query} limit 0").schema, rows)
