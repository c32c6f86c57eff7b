"""The proof that a replicated table equals its source, as a check of each table; by day, no build waits for it."""

from collections.abc import Iterator, Sequence

import dagster as dg

from ingestion.postgres.pgoutput.lsn import format_lsn
from ingestion.verify import TableComparison
from orchestration.defs.conditions import COMPARED_EACH_MORNING
from orchestration.defs.steps import transient_errors_retried, warehouse_pool
from orchestration.relations import Relation
from orchestration.settings import Settings
from orchestration.status import read_status
from orchestration.walk.verification import verify

NAME = "equals_the_source"


def definitions(settings: Settings, relations: Sequence[Relation]) -> dg.Definitions:
    """Define one check per replicated table; one comparison at one position answers them all."""
    specs = [
        dg.AssetCheckSpec(
            NAME,
            asset=relation.key,
            blocking=False,
            description="Every row and column equals the source.",
            automation_condition=COMPARED_EACH_MORNING,
        )
        for relation in relations
    ]
    if not specs:
        return dg.Definitions()

    @dg.multi_asset_check(specs=specs, can_subset=True, name="verification", pool=warehouse_pool(settings))
    def comparison(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        keys = sorted((key.asset_key for key in context.selected_asset_check_keys), key=str)
        with transient_errors_retried(context):
            report = verify(settings, only=_sources(settings, {".".join(key.path) for key in keys}))
        compared = {table.relation: table for table in report.tables}
        for key in keys:
            yield _checked(key, compared.get(".".join(key.path)))

    return dg.Definitions(asset_checks=[comparison])


def _sources(settings: Settings, relations: set[str]) -> list[str] | None:
    """Name the source's tables that land in these relations; None, which is all, when one is not known."""
    status = read_status(settings.status_path)
    known = {t.relation: t.source for t in status.tables if t.state != "stopped"} if status else {}
    return [known[relation] for relation in sorted(relations)] if relations <= known.keys() else None


def _checked(key: dg.AssetKey, compared: TableComparison | None) -> dg.AssetCheckResult:
    if compared is None:
        return dg.AssetCheckResult(
            asset_key=key, check_name=NAME, passed=False, description="the source publishes no such table"
        )
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=NAME,
        passed=compared.equal,
        description=compared.note,
        metadata={
            "rows_source": compared.rows_source,
            "rows_warehouse": compared.rows_warehouse,
            "differing_keys": compared.differing_keys,
            "epoch": compared.epoch,
            "lsn": format_lsn(compared.lsn),
            "compared_by": compared.way,
        },
    )
