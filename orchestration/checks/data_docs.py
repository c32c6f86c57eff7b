"""Data Docs: what each relation promised and kept, a page each, drawn by Great Expectations' own renderers.

GX's site loads its style and scripts from five other hosts, and its index is empty without them. Here its rendered
results stand in a page of our own that asks for nothing from elsewhere, with an index of all relations checked so far.
Counts and keys only; `quality/index.json` holds the same for machines. Importing this module imports GX.
"""

from __future__ import annotations

import fcntl
import importlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from orchestration.checks import engine  # noqa: F401 - GX is imported there, in the way that costs least
from orchestration.checks.results import LandingResult

_HERE = Path(__file__).parent
_page_renderer: Any = importlib.import_module("great_expectations.render.renderer.page_renderer")
_views: Any = importlib.import_module("great_expectations.render.view.view")

INDEX = "index.json"


@dataclass
class DataDocs:
    """The pages of one run, put into a directory when all are there. Pages of other relations stay as they are."""

    directory: Path
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    _pages: dict[str, str] = field(default_factory=dict)  # by file
    _entries: dict[str, dict[str, Any]] = field(default_factory=dict)  # Any: JSON
    _view: Any = field(default_factory=lambda: _views.DefaultJinjaPageView(custom_views_directory=str(_HERE)))

    def add(self, result: LandingResult, told: Any | None) -> None:
        """Draw a result; `told` is GX's own of it, None where the relation does not exist."""
        self._entries[result.relation] = {
            "relation": result.relation,
            "page": result.page,
            "status": status(result),
            "rules": len(result.outcomes),
            "broken": [outcome.name for outcome in result.failures],
            "summary": result.summary(),
            "checked_at": self.now.isoformat(timespec="seconds"),
        }
        frame = {
            "relation": result.relation,
            "status": status(result),
            "summary": result.summary(),
            "checked": _minute(self.now.isoformat()),
            "style": _style(),
            "broken": [outcome for outcome in result.failures if outcome.keys],
        }
        if told is None:
            self._pages[result.page] = _draw(self._view, None, frame)
        else:
            document = _page_renderer.ValidationResultsPageRenderer().render(told)
            self._pages[result.page] = _draw(self._view, document, frame)

    def write(self) -> None:
        """Put the pages in place, one rename each, and the index last; one run at a time, for they share the index."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for name, page in self._pages.items():
                _put(self.directory / name, page)
            entries = _known(self.directory / INDEX) | self._entries
            _put(self.directory / INDEX, json.dumps(entries, indent=1, sort_keys=True))
            _put(self.directory / "index.html", _index(entries.values()))


def status(result: LandingResult) -> str:
    """Say in a word how it went."""
    return "kept" if result.success else "broken" if result.blocking else "warning"


def _draw(view: Any, document: Any | None, frame: dict[str, Any]) -> str:
    if document is None:
        template = view.env.get_template("data_docs_page.html")
        return str(template.render(sections=[], **frame))
    return str(view.render(document, template="data_docs_page.html", **frame))


def _index(entries: Iterable[dict[str, Any]]) -> str:
    order = {"broken": 0, "warning": 1}
    rows = "".join(
        f'<tr class="{entry["status"]}"><td><a href="{escape(entry["page"])}">'
        f"{escape(entry['relation'])}</a></td><td>{entry['status']}</td><td>{entry['rules']}</td>"
        f"<td>{escape(entry['summary'])}</td><td>{escape(_minute(entry['checked_at']))}</td></tr>"
        for entry in sorted(entries, key=lambda one: (order.get(one["status"], 2), one["relation"]))
    )
    page = (_HERE / "data_docs_index.html").read_text(encoding="utf-8")
    return page.replace("$style", _style()).replace("$rows", rows)


def _minute(moment: str) -> str:
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M} UTC"


def _known(path: Path) -> dict[str, dict[str, Any]]:
    try:
        entries: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return entries


def _put(path: Path, content: str) -> None:
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(content, encoding="utf-8")
    draft.replace(path)


def _style() -> str:
    return (_HERE / "data_docs.css").read_text(encoding="utf-8")
