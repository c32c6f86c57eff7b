"""The settings that Segment's browser SDK fetches before it sends anything.

One integration only, our own: others would be fetched from Segment's CDN. Its `httpConfig` says how the SDK retries
and wins over what the page set: a lever on all browsers at once. Without one the SDK's defaults hold (retry on 429
and 5xx, with backoff), which are the ones we want. Source: @segment/analytics-next 1.84.
"""

from collections.abc import Mapping

from ingestion.events.collector.exchange import Request
from ingestion.events.collector.write_keys import Source


def settings_document(
    write_key: str, source: Source | None, request: Request, track_plan: Mapping[str, object] | None = None
) -> dict[str, object]:
    """Return the settings document of a source, which sends to the host that was asked.

    `track_plan` says which events are enabled (see `ingestion.events.judge.browser_plan`); None: all.
    """
    enabled: Mapping[str, object] = {"__default": {"enabled": True, "integrations": {}}}
    integration: dict[str, object] = {
        "apiKey": write_key,
        "apiHost": f"{request.headers.get('host', 'localhost')}/v1",
        "protocol": request.scheme,
        "unbundledIntegrations": [],
        "addBundledMetadata": True,
        "maybeBundledConfigIds": {},
    }
    if source is not None and source.http_config is not None:
        integration["httpConfig"] = source.http_config
    return {
        "integrations": {"Segment.io": integration},
        "plan": {"track": track_plan or enabled, "identify": enabled, "group": enabled},
        "edgeFunction": {},
        "analyticsNextEnabled": True,
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "metrics": {"sampleRate": 0},
        "legacyVideoPluginsEnabled": False,
        "remotePlugins": [],
    }
