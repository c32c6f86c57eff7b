"""Dashboards in a Metabase: one asset each, brought there together once their marts are published and hold.

There are none without FLUX_METABASE_URL. Blocking checks of the marts, and of what is published, stop this step with
the others: a Metabase is never told of models that broke their promises. What somebody edited there is not written over
by a build: nothing is written then, and a check says what to do.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from orchestration.defs.measured import measured
from orchestration.defs.steps import transient_errors_retried
from orchestration.defs.warehouse.published import KEY as PUBLISHED
from orchestration.settings import Settings
from orchestration.walk import contents, metabase


def definitions(settings: Settings, manifest: Path) -> dg.Definitions:
    """Define the dashboards of the configured Metabase, each depending on the relations that its cards read."""
    if settings.metabase_url is None:
        return dg.Definitions()
    boards = metabase.boards(manifest)
    specs = [
        dg.AssetSpec(
            ["metabase", board.key],
            deps=[PUBLISHED, *(dg.AssetKey(relation.split(".")) for relation in board.relations)],
            description=board.question,
            group_name="metabase",
            kinds={"metabase"},
            owners=["team:analytics"],
            skippable=True,
        )
        for board in boards
    ]
    checks = [
        check
        for spec in specs
        for check in (
            dg.AssetCheckSpec("is_as_defined", asset=spec.key, description="Nobody edited it in Metabase."),
            dg.AssetCheckSpec("cards_run", asset=spec.key, description="Every card's query runs in Metabase."),
        )
    ]

    @dg.multi_asset(specs=specs, check_specs=checks, name="metabase")
    def dashboards(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        began = time.monotonic()
        with transient_errors_retried(context):
            deployment = metabase.open_deployment(settings, manifest)
            edited = metabase.edits_by_dashboard(deployment)
        broken: dict[str, list[str]] = {}
        if not edited:
            with transient_errors_retried(context):
                done = metabase.apply(
                    deployment, overwrite=False, progress=lambda what, number, total: context.log.debug(what)
                )
            seconds, content = time.monotonic() - began, contents.published(settings)
            for one in done.broken:
                broken.setdefault(one.dashboard, []).append(one.card)
            for board in boards:
                url = f"{deployment.client.url}/dashboard/{deployment.found.items[f'dashboard:{board.key}'].number}"
                yield dg.MaterializeResult(
                    asset_key=["metabase", board.key],
                    metadata=measured(
                        rows=None, seconds=seconds, cut=content.cut, size_bytes=None, lag_seconds=content.lag_seconds,
                        address=dg.MetadataValue.url(url),
                        changes=sum(change.item.key == board.key or change.item.home == board.key
                                    for change in deployment.plan.changes),
                    ),
                )  # fmt: skip
        for board in boards:
            key = dg.AssetKey(["metabase", board.key])
            # Rights, tables and what is sent belong to all of them.
            theirs = [*edited.get("", ()), *edited.get(board.key, ())]
            yield dg.AssetCheckResult(
                asset_key=key,
                check_name="is_as_defined",
                passed=not theirs,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"edited": theirs, "repair": "flux dashboards diff, then flux dashboards apply"},
            )
            yield dg.AssetCheckResult(
                asset_key=key,
                check_name="cards_run",
                passed=board.key not in broken,
                metadata={"broken": broken.get(board.key, [])},
            )

    return dg.Definitions(assets=[dashboards])
