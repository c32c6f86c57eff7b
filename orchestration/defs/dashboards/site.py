"""The static site: one asset a page, built together from the published warehouse."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from orchestration.defs.warehouse.published import KEY as PUBLISHED
from orchestration.settings import Settings
from orchestration.walk import readers


def definitions(settings: Settings, manifest: Path) -> dg.Definitions:
    """Define the pages, each depending on the relations that its cards read, and a check that its figures hold."""
    pages = readers.pages(manifest)
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
    checks = [
        dg.AssetCheckSpec("expectations_hold", asset=spec.key, description="Every card's query and expectations hold.")
        for spec in specs
    ]

    @dg.multi_asset(specs=specs, check_specs=checks, can_subset=True, name="site")
    def site(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        wanted = {key.path[1] for key in context.selected_asset_keys}
        for page in readers.build_site(settings, manifest, only=sorted(wanted)).pages:
            key = dg.AssetKey(["site", page.key])
            if page.key not in wanted:
                continue
            yield dg.MaterializeResult(
                asset_key=key,
                metadata={
                    "cards": page.cards,
                    "bytes": page.bytes,
                    "seconds": round(page.seconds, 3),
                    "path": dg.MetadataValue.path(str(page.path)),
                },
            )
            if dg.AssetCheckKey(key, "expectations_hold") in context.selected_asset_check_keys:
                yield dg.AssetCheckResult(
                    asset_key=key,
                    check_name="expectations_hold",
                    passed=not page.failures,
                    metadata={"failures": [str(failure) for failure in page.failures], "kept_last_good": page.kept},
                )

    return dg.Definitions(assets=[site])
