"""How fresh each asset is, as its check `is_fresh`: by what it lacks of the source, not by when it was made.

Dagster's own FreshnessPolicy (1.13: `time_window`, `cron`) sees nothing but the time of the last materialisation. That
calls a build on old data fresh, and a table that rests, or a night without a commit, late. So it is set only where the
clock itself is the promise: on what is made once a day whatever happens (`graph.py`). Owners are those of the assets.
"""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

from dashboards.catalogue import LAST_BUILD, Result, last_results
from orchestration.defs.dashboards.site import DOCS
from orchestration.defs.warehouse.published import KEY as PUBLISHED
from orchestration.errors import FluxError
from orchestration.settings import Settings
from orchestration.walk import contents
from orchestration.walk.building import known_reaches
from orchestration.walk.freshness import POLICIES, Lags, Policy

NAME = "is_fresh"
Layers = Mapping[dg.AssetKey, str]


def definitions(settings: Settings, layers: Layers) -> dg.Definitions:
    """Define the check of each asset, by its layer."""
    specs = [
        dg.AssetCheckSpec(NAME, asset=key, description=_promise(layer), metadata={"layer": layer})
        for key, layer in layers.items()
    ]

    @dg.multi_asset_check(specs=specs, can_subset=True, name="freshness")
    def freshness(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        wanted = {key.asset_key for key in context.selected_asset_check_keys}
        yield from results(settings, {key: layer for key, layer in layers.items() if key in wanted})

    return dg.Definitions(asset_checks=[freshness])


def results(settings: Settings, layers: Layers) -> Iterator[dg.AssetCheckResult]:
    """Tell how fresh assets are; nothing of those that were never made."""
    known = _lags(settings, layers)
    for key, layer in layers.items():
        lag = known.get(key)
        if lag is not None:
            yield _result(key, POLICIES[layer], layer, lag)


def _lags(settings: Settings, layers: Layers) -> dict[dg.AssetKey, float | None]:
    """Give the seconds for which each asset lacks something of the source."""
    if not settings.status_path.exists():
        return {}
    lags = Lags(settings, known_reaches(settings))
    raw = {False: lags.of_changes(), True: lags.of_events()}
    found: dict[dg.AssetKey, float | None] = {
        key: raw[key.path[0].startswith("raw_segment")] for key, layer in layers.items() if layer == "raw"
    }
    models = {unique_id.split(".")[2]: result for unique_id, result in _built(settings)}
    for key, layer in layers.items():
        if layer in ("marts", "daily") and key.path[1] in models:
            found[key] = lags.of_cut(models[key.path[1]].cut)
    found |= {dg.AssetKey(["datasets", name]): lag for name, lag in contents.datasets(settings).items()}
    found |= {dg.AssetKey(["site", page]): told.lag_seconds for page, told in contents.pages(settings, lags).items()}
    try:
        published = contents.published(settings, lags).lag_seconds
    except FluxError:
        return found
    return found | dict.fromkeys([PUBLISHED, DOCS, *(key for key in layers if key.path[0] == "metabase")], published)


def _built(settings: Settings) -> Sequence[tuple[str, Result]]:
    results = last_results(settings.dbt_directory / LAST_BUILD)
    return [(name, result) for name, result in results.items() if name.startswith(("model.", "seed."))]


def _result(key: dg.AssetKey, policy: Policy, layer: str, lag: float) -> dg.AssetCheckResult:
    late = lag > policy.warn.total_seconds()
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=NAME,
        passed=not late,
        severity=dg.AssetCheckSeverity.ERROR if lag > policy.fail.total_seconds() else dg.AssetCheckSeverity.WARN,
        description=f"for {lag:,.0f} s the source has had changes that it lacks; {_promise(layer)}" if late else None,
        metadata={"lag_seconds": round(lag, 3), "layer": layer},
    )


def _promise(layer: str) -> str:
    policy = POLICIES[layer]
    return f"Lacks nothing of the source for longer than {policy.warn} (wants a look), {policy.fail} (wants a hand)."
