"""Serve the dashboards' directory on loopback, also while it is being replaced or not there yet.

What stands beside it in FLUX_HOME and belongs to it is served under its own name, as a link `../quality/` finds it on
disk: such a link leads to `/quality/` here, since a server has nothing above its root.
"""

from __future__ import annotations

import functools
import http.server
import threading
from http import HTTPStatus
from pathlib import Path

from orchestration.ports import LOOPBACK

WAITING = b"""<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="5"><title>Flux</title>
<p>The dashboards are being built. This page looks again every five seconds.</p>"""


BESIDE = ("site", "quality")


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

    def translate_path(self, path: str) -> str:
        """Give the file of a request's path; the inherited method lets nothing climb out of the directory."""
        site = Path(self.directory)
        found = Path(super().translate_path(path))
        if not found.is_relative_to(site):
            return str(found)
        inside = found.relative_to(site)
        return str(site.parent / inside if inside.parts[:1] and inside.parts[0] in BESIDE else found)

    def end_headers(self) -> None:
        # Rebuilt every few minutes under the same names.
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def list_directory(self, path: object) -> None:
        self.send_error(HTTPStatus.NOT_FOUND)

    def log_message(self, format: str, *arguments: object) -> None:
        """Log nothing: who looks at what is nobody's business."""


def serve(directory: Path, port: int, stop: threading.Event, *, host: str = LOOPBACK) -> None:
    """Serve until `stop` is set."""
    handler = functools.partial(Handler, directory=str(directory))
    with http.server.ThreadingHTTPServer((host, port), handler) as server:
        thread = threading.Thread(target=server.serve_forever, name="site", daemon=True)
        thread.start()
        stop.wait()
        server.shutdown()
        thread.join()
