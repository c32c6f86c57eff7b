"""The static sites: one asset a page, one for the docs of models and metrics, built together from what is published.

A page is one asset, though it may stand in the sites of several audiences; what is told of it is that of its own.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from orchestration.defs.measured import measured
from orchestration.defs.steps import transient_errors_retried
from orchestration.defs.warehouse.published import KEY as PUBLISHED
from orchestration.settings import Settings
from orchestration.walk import contents, documenting, sites
from orchestration.walk.building import known_reaches
from orchestration.walk.freshness import Lags

DOCS = dg.AssetKey(["site", "docs"])


def definitions(settings: Settings, manifest: Path) -> dg.Definitions:
    """Define the pages, each depending on the relations that its cards read, and a check that its figures hold."""
    pages = sites.pages(manifest)
    specs = [
        dg.AssetSpec(
            ["site", page.key],
            deps=[PUBLISHED, *(dg.AssetKey(relation.split(".")) for relation in page.relations)],
            description=page.description,
            group_name="site",
            kinds={"html"},
            owners=["team:analytics"],
        )
        for page in pages
    ]
    docs = dg.AssetSpec(
        DOCS,
        deps=[PUBLISHED],
        description="Docs of metrics and models: definition, owner, freshness, lineage; searched without a server.",
        group_name="site",
        kinds={"html"},
        owners=["team:analytics"],
    )
    checks = [
        dg.AssetCheckSpec("expectations_hold", asset=spec.key, description="Every card's query and expectations hold.")
        for spec in specs
    ]

    @dg.multi_asset(specs=[docs, *specs], check_specs=checks, can_subset=True, name="site")
    def site(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        wanted = {key.path[1] for key in context.selected_asset_keys} - {DOCS.path[1]}
        lags = Lags(settings, known_reaches(settings))
        if DOCS in context.selected_asset_keys:  # first: numbers of the pages link to them
            with transient_errors_retried(context):
                report = documenting.build_docs(settings, manifest, linked=bool(wanted))
            content = contents.published(settings, lags)
            yield dg.MaterializeResult(
                asset_key=DOCS,
                metadata=measured(
                    rows=report.pages,
                    seconds=report.seconds,
                    cut=content.cut,
                    size_bytes=report.bytes,
                    lag_seconds=content.lag_seconds,
                    path=dg.MetadataValue.path(str(report.index)),
                ),
            )
        if not wanted:
            return
        homes = {page.key: page.audience for page in pages}
        with transient_errors_retried(context):
            built = [
                page
                for audience, report in sites.build_sites(settings, manifest, only=sorted(wanted))
                for page in report.pages
                if page.key in wanted and homes[page.key] == audience.key
            ]
        for page in built:
            key = dg.AssetKey(["site", page.key])
            yield dg.MaterializeResult(
                asset_key=key,
                metadata=measured(
                    rows=page.rows,
                    seconds=page.seconds,
                    cut=page.cut,
                    size_bytes=page.bytes,
                    lag_seconds=0.0 if page.cut is None else lags.of_cut(page.cut),
                    cards=page.cards,
                    path=dg.MetadataValue.path(str(page.path)),
                    over_budget={card: round(seconds, 2) for card, seconds in page.slow.items()},
                ),
            )
            if dg.AssetCheckKey(key, "expectations_hold") in context.selected_asset_check_keys:
                yield dg.AssetCheckResult(
                    asset_key=key,
                    check_name="expectations_hold",
                    passed=not page.failures,
                    metadata={"failures": [str(failure) for failure in page.failures], "kept_last_good": page.kept},
                )

    return dg.Definitions(assets=[site])
