"""The bias audit of each week: one asset, made on Mondays of what the morning's build says, kept as a file."""

import dagster as dg

from orchestration.defs.conditions import EACH_MONDAY
from orchestration.defs.measured import measured
from orchestration.defs.steps import transient_errors_retried
from orchestration.defs.warehouse.published import KEY as PUBLISHED
from orchestration.settings import Settings
from orchestration.walk import auditing
from orchestration.walk.building import known_reaches
from orchestration.walk.freshness import Lags

KEY = dg.AssetKey(["audits", "bias"])
FOUND = "no_adverse_impact"


def definitions(settings: Settings) -> dg.Definitions:
    """Define the audit; that a group is at a disadvantage is a warning to its owner and stops nothing."""

    @dg.asset(
        key=KEY,
        deps=[PUBLISHED, dg.AssetKey(auditing.AUDIT.split("."))],
        description="The bias audit of a week, kept: rates of groups by stage, small groups suppressed.",
        group_name="audits",
        kinds={"parquet"},
        owners=["team:people-analytics"],
        automation_condition=EACH_MONDAY,
        check_specs=[
            dg.AssetCheckSpec(FOUND, asset=KEY, description="No group's impact ratio is below four fifths, surely.")
        ],
    )
    # Dagster 1.13 knows the result with its checks by this very class only.
    def bias_audit(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
        with transient_errors_retried(context):
            found = auditing.audit(settings)
        return dg.MaterializeResult(
            metadata=measured(
                rows=found.groups,
                seconds=found.seconds,
                cut=found.cut,
                size_bytes=found.bytes,
                lag_seconds=Lags(settings, known_reaches(settings)).of_cut(found.cut),
                path=dg.MetadataValue.path(str(found.path)),
            ),
            check_results=[
                dg.AssetCheckResult(
                    asset_key=KEY,
                    check_name=FOUND,
                    passed=not found.adverse,
                    severity=dg.AssetCheckSeverity.WARN,
                    metadata={"groups": found.groups, "adverse": found.adverse},
                    description="docs/bias_audit.md says how to read it" if found.adverse else None,
                )
            ],
        )

    return dg.Definitions(assets=[bias_audit])
