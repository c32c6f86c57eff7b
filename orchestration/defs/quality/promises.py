"""Contracts as blocking asset checks, one for each relation: what reads a relation waits for its check."""

from collections.abc import Iterator, Sequence

import dagster as dg

from orchestration.checks.contract import Contract
from orchestration.checks.results import LandingResult, Outcome
from orchestration.defs.steps import transient_errors_retried, warehouse_pool
from orchestration.settings import Settings
from orchestration.walk import verification


def checks(settings: Settings, contracts: Sequence[Contract], *, step: str, check: str) -> dg.Definitions:
    """Define one step that checks all contracts; nothing when there are none."""
    if not contracts:
        return dg.Definitions()
    specs = [
        dg.AssetCheckSpec(check, asset=contract.relation.split("."), blocking=True, description=promised(contract))
        for contract in contracts
    ]

    @dg.multi_asset_check(specs=specs, can_subset=True, name=step, pool=warehouse_pool(settings))
    def checked(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        wanted = {".".join(key.asset_key.path) for key in context.selected_asset_check_keys}
        with transient_errors_retried(context):
            found = verification.check_contracts(settings, [c for c in contracts if c.relation in wanted], step)
        for result in found:
            yield result_of_check(settings, result, check)

    return dg.Definitions(asset_checks=[checked])


def promised(contract: Contract) -> str:
    """Say in a line what a contract promises."""
    told = [f"{rule.column or 'table'}: {rule.text}" for rule in contract.rules]
    if contract.changes_within_hours is not None:
        told.append(
            f"table: changes as many and as often as before, none older than {contract.changes_within_hours:g} h"
        )
    return "; ".join(told)


def result_of_check(settings: Settings, result: LandingResult, check: str) -> dg.AssetCheckResult:
    """Tell what was found: the verdict, and each rule with what was observed."""
    return dg.AssetCheckResult(
        asset_key=result.relation.split("."),
        check_name=check,
        passed=result.success,
        severity=dg.AssetCheckSeverity.ERROR if result.blocking else dg.AssetCheckSeverity.WARN,
        description=result.summary(),
        metadata={
            "rows": result.rows if result.rows is not None else 0,
            "rules": len(result.outcomes),
            "broken": [outcome.name for outcome in result.failures],
            "data_docs": dg.MetadataValue.path(verification.quality_directory(settings) / result.page),
            "outcomes": dg.TableMetadataValue([_record(outcome) for outcome in result.outcomes], SCHEMA),
        },
    )


SCHEMA = dg.TableSchema(
    [
        *(dg.TableColumn("rule", "string"), dg.TableColumn("promise", "string"), dg.TableColumn("kept", "bool")),
        dg.TableColumn("observed", "string", description="of rules about the table"),
        dg.TableColumn("broken_by", "int", description="rows"),
        dg.TableColumn("keys", "string", description="keys of some rows that break it; never another value"),
    ]
)


def _record(outcome: Outcome) -> dg.TableRecord:
    return dg.TableRecord(
        {
            "rule": outcome.name,
            "promise": outcome.text,
            "kept": outcome.success,
            "observed": outcome.observed or "",
            "broken_by": outcome.unexpected or 0,
            "keys": ", ".join(outcome.keys),
        }
    )
