"""The landing suite as one blocking check per raw table: models do not build on what breaks its promise."""

from collections.abc import Iterator, Sequence

import dagster as dg

from orchestration.checks.contract import Contract, load_contracts
from orchestration.checks.results import LandingResult
from orchestration.relations import Relation
from orchestration.settings import Settings
from orchestration.walk import verification

NAME = "lands_as_promised"


def definitions(settings: Settings, relations: Sequence[Relation]) -> dg.Definitions:
    """Define the checks of the contracts whose relations are in the graph."""
    present = {".".join(relation.key) for relation in relations}
    contracts = [contract for contract in load_contracts() if contract.relation in present]
    if not contracts:
        return dg.Definitions()
    specs = [
        dg.AssetCheckSpec(NAME, asset=contract.relation.split("."), blocking=True, description=_promises(contract))
        for contract in contracts
    ]

    @dg.multi_asset_check(specs=specs, can_subset=True, name="landing", pool="warehouse")
    def landing(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        wanted = {".".join(key.asset_key.path) for key in context.selected_asset_check_keys}
        for result in verification.check_landing(settings, [c for c in contracts if c.relation in wanted]):
            yield _checked(result)

    return dg.Definitions(asset_checks=[landing])


def _promises(contract: Contract) -> str:
    return "; ".join(f"{rule.column or 'table'}: {rule.text}" for rule in contract.rules)


def _checked(result: LandingResult) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=result.relation.split("."),
        check_name=NAME,
        passed=result.success,
        severity=dg.AssetCheckSeverity.ERROR if result.blocking else dg.AssetCheckSeverity.WARN,
        description=result.summary(),
        metadata={
            "rows": result.rows if result.rows is not None else 0,
            "rules": len(result.outcomes),
            "broken": [outcome.name for outcome in result.failures],
        },
    )
