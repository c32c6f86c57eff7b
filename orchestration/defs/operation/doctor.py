"""`flux doctor` as asset checks: an asset for each part that it looks at, a check for each of its rules.

The one list is `orchestration/alerts/rules.py`: a check is named as its rule, as the alert and as the runbook's
heading, and belongs to the rule's part. A hint is well; a warning fails as WARN, a problem as ERROR; nothing blocks.
Of what a look was blind for nothing is said. Each part follows in the graph what it depends on: source, then log.
"""

from collections.abc import Iterator, Sequence
from typing import Final, get_args

import dagster as dg

from orchestration.alerts.rules import RULES, Part, Rule
from orchestration.alerts.watching import blind
from orchestration.settings import Settings
from orchestration.walk import doctor

DESCRIPTIONS: Final[dict[Part, str]] = {
    "setup": "What Flux stands on: settings, packages, this machine's clock.",
    "source": "The product's Postgres: rights, publication, slot, WAL that is held back.",
    "log": "The durable log of both doors: room, rights, its end, how far it is behind the source.",
    "warehouse": "The live warehouse: opens, is held by whom, is how far behind the log; each replicated table.",
    "events": "The collector's side: ledger, quarantine, write keys, tracking plan.",
    "services": "The processes: capture, collector, loader, Dagster's daemon and runs.",
    "models": "What builds left: models, tests, promises at the borders, age, cards.",
}
BEFORE: Final[dict[Part, tuple[Part, ...]]] = {
    "log": ("source",), "warehouse": ("log",), "events": ("log",), "models": ("warehouse",)
}  # fmt: skip


def key_of(part: Part) -> dg.AssetKey:
    """Give the asset of a part."""
    return dg.AssetKey(["flux", part])


def check_of(rule: Rule) -> dg.AssetCheckKey:
    """Give the check of a rule."""
    return dg.AssetCheckKey(key_of(rule.part), rule.name)


def definitions(settings: Settings) -> dg.Definitions:
    """Define the parts, which nobody materialises, and one step that makes all checks."""
    parts = [
        dg.AssetSpec(
            key_of(part),
            deps=[key_of(before) for before in BEFORE.get(part, ())],
            description=DESCRIPTIONS[part],
            group_name="flux",
            owners=["team:data-platform"],
        )
        for part in get_args(Part)
    ]
    specs = [
        dg.AssetCheckSpec(
            rule.name,
            asset=key_of(rule.part),
            description=f"Owner: {rule.owner}. What it is and what to do: {settings.alert_runbook_url}#{rule.anchor}",
        )
        for rule in RULES.values()
    ]

    @dg.multi_asset_check(specs=specs, can_subset=True, name="doctor")
    def examined(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        for result in results(settings):
            if dg.AssetCheckKey(result.asset_key, result.check_name) in context.selected_asset_check_keys:  # type: ignore[arg-type]
                yield result

    return dg.Definitions(assets=parts, asset_checks=[examined])


def results(settings: Settings) -> Iterator[dg.AssetCheckResult]:
    """Look at everything once, and tell of each rule that something is known of."""
    found = doctor.examine(settings)
    unknown = blind(found)
    for rule in RULES.values():
        seen = [check for check in found if check.name == rule.name]
        if seen or rule.name not in unknown:
            yield _result(rule, seen)


def _result(rule: Rule, seen: Sequence[doctor.Check]) -> dg.AssetCheckResult:
    ill = [check for check in seen if check.level in (doctor.WARNING, doctor.PROBLEM)]
    worst = any(check.level == doctor.PROBLEM for check in ill)
    said = ill or list(seen)
    return dg.AssetCheckResult(
        asset_key=key_of(rule.part),
        check_name=rule.name,
        passed=not ill,
        severity=dg.AssetCheckSeverity.ERROR if worst else dg.AssetCheckSeverity.WARN,
        description="; ".join(check.text for check in said) or "there is nothing of the kind",
        metadata={"found": len(ill), "owner": rule.owner, "subjects": [check.subject for check in ill]},
    )
