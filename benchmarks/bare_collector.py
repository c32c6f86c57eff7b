"""The collector's own server with nothing behind it: it answers 200 without reading the body and writes nothing.

`python -m benchmarks.bare_collector` says where it listens, as `flux collect` does, and ends as that does.
"""

from __future__ import annotations

from typing import Final

from ingestion.events.collector import CollectorConfig, parse_write_keys, server
from ingestion.events.collector.asgi import Receive, Scope, Send
from orchestration.settings import Settings

_BODY: Final = b'{"success":true}'
_START: Final = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_BODY))],
}


class _Bare:
    def __init__(self, *real: object) -> None:
        """Take what the real application takes, and leave it alone."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(_START)
        await send({"type": "http.response.body", "body": _BODY})


def main() -> None:
    """Serve until a signal comes."""
    settings = Settings.read()
    vars(server)["Application"] = _Bare  # all else is the collector's own server
    keys = parse_write_keys(settings.write_keys or "")
    config = CollectorConfig(settings.log_directory / "events", keys, port=0)
    server.serve(config, on_ready=lambda port: print(f"http://127.0.0.1:{port}", flush=True))


if __name__ == "__main__":
    main()
