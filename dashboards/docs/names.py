"""Where the docs stand in the site, and how their pages are called: dashboards and commands link to them."""

from __future__ import annotations

from typing import Literal

DIRECTORY = "docs"
INDEX = "index.html"
Kind = Literal["model", "metric", "source"]


def page_of(kind: Kind, name: str) -> str:
    """Give the file of a model (without schema), a metric or a source (with schema)."""
    return f"{kind}-{name}.html"
