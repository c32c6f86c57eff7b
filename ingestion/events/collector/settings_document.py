"""The settings that Segment's browser SDK fetches before it sends anything.

One integration only, our own: others would be fetched from Segment's CDN. `httpConfig` is not set, the SDK's defaults
(retry on 429 and 5xx, with backoff) are the ones we want. Source: @segment/analytics-next 1.84.
"""

from collections.abc import Mapping

from ingestion.events.collector.exchange import Request


def settings_document(
    write_key: str, request: Request, track_plan: Mapping[str, object] | None = None
) -> dict[str, object]:
    """Return the settings document of a source, which sends to the host that was asked.

    `track_plan` says which events are enabled (see `ingestion.events.judge.browser_plan`); None: all.
    """
    host = request.headers.get("x-forwarded-host") or request.headers.get("host", "localhost")
    enabled: Mapping[str, object] = {"__default": {"enabled": True, "integrations": {}}}
    return {
        "integrations": {
            "Segment.io": {
                "apiKey": write_key,
                "apiHost": f"{host}/v1",
                "protocol": request.headers.get("x-forwarded-proto", request.scheme),
                "unbundledIntegrations": [],
                "addBundledMetadata": True,
                "maybeBundledConfigIds": {},
            }
        },
        "plan": {"track": track_plan or enabled, "identify": enabled, "group": enabled},
        "edgeFunction": {},
        "analyticsNextEnabled": True,
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "metrics": {"sampleRate": 0},
        "legacyVideoPluginsEnabled": False,
        "remotePlugins": [],
    }
