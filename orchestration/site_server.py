"""Serve the dashboards' directory on loopback, also while it is being replaced or not there yet."""

from __future__ import annotations

import functools
import http.server
import threading
from http import HTTPStatus
from pathlib import Path

from orchestration.ports import LOOPBACK

WAITING = b"""<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="5"><title>Flux</title>
<p>The dashboards are being built. This page looks again every five seconds.</p>"""


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files of the site; says so while there is none. Lists no directory."""

    def do_GET(self) -> None:
        if not Path(self.directory, "index.html").exists():
            self.send_response(HTTPStatus.SERVICE_UNAVAILABLE)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(WAITING)))
            self.end_headers()
            self.wfile.write(WAITING)
            return
        super().do_GET()

    def end_headers(self) -> None:
        # Rebuilt every few minutes under the same names.
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def list_directory(self, path: object) -> None:
        self.send_error(HTTPStatus.NOT_FOUND)

    def log_message(self, format: str, *arguments: object) -> None:
        """Log nothing: who looks at what is nobody's business."""


def serve(directory: Path, port: int, stop: threading.Event) -> None:
    """Serve until `stop` is set."""
    handler = functools.partial(Handler, directory=str(directory))
    with http.server.ThreadingHTTPServer((LOOPBACK, port), handler) as server:
        thread = threading.Thread(target=server.serve_forever, name="site", daemon=True)
        thread.start()
        stop.wait()
        server.shutdown()
        thread.join()
