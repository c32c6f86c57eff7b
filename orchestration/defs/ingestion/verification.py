"""The proof that a replicated table equals its source, as a check of each table."""

from collections.abc import Iterator, Sequence

import dagster as dg

from ingestion.verify import TableComparison
from orchestration.relations import Relation
from orchestration.settings import Settings
from orchestration.walk.verification import verify

NAME = "equals_the_source"


def definitions(settings: Settings, relations: Sequence[Relation]) -> dg.Definitions:
    """Define one check per replicated table; one comparison at one position answers them all."""
    specs = [
        dg.AssetCheckSpec(NAME, asset=relation.key, description="Every row and column equals the source.")
        for relation in relations
    ]
    if not specs:
        return dg.Definitions()

    @dg.multi_asset_check(specs=specs, can_subset=True, name="verification", pool="warehouse")
    def comparison(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        compared = {table.relation: table for table in verify(settings).tables}
        for key in sorted(context.selected_asset_check_keys, key=str):
            yield _checked(key.asset_key, compared.get(".".join(key.asset_key.path)))

    return dg.Definitions(asset_checks=[comparison])


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
        },
    )
