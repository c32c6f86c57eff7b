"""Whether a replicated table is exact, as a blocking check: what could not be applied is kept from the models."""

from collections.abc import Iterator, Sequence

import dagster as dg

from orchestration.relations import Relation
from orchestration.settings import Settings
from orchestration.status import read_status

NAME = "is_exact"


def definitions(settings: Settings, relations: Sequence[Relation]) -> dg.Definitions:
    """Define one check per replicated table; what the loader wrote down last answers them all."""
    specs = [
        dg.AssetCheckSpec(
            NAME,
            asset=relation.key,
            blocking=True,
            description="Nothing of it waits for a new copy because it could not be applied.",
        )
        for relation in relations
    ]
    if not specs:
        return dg.Definitions()

    @dg.multi_asset_check(specs=specs, can_subset=True, name="exactness")
    def exactness(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        status = read_status(settings.status_path)
        known = {table.relation: table for table in status.tables} if status else {}
        for key in context.selected_asset_check_keys:
            table = known.get(".".join(key.asset_key.path))
            yield dg.AssetCheckResult(
                asset_key=key.asset_key,
                check_name=NAME,
                passed=table is None or table.is_exact,
                description="'flux status' says why" if table is not None and not table.is_exact else None,
                metadata={"state": table.state if table is not None else "not loaded yet"},
            )

    return dg.Definitions(asset_checks=[exactness])
