"""The macros of the dbt project as DuckDB's adapter renders them, without dbt and a warehouse: text in, SQL out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jinja2

from benchmarks.process import ROOT

MACROS = ROOT / "dbt_project" / "macros"


def rendered(call: str, *files: str) -> str:
    """Render a call of a macro, given the files that it needs (`pit_join.sql`)."""
    source = "".join((MACROS / file).read_text(encoding="utf-8") for file in files)
    environment = jinja2.Environment(extensions=["jinja2.ext.do"], autoescape=False)  # SQL, no page
    names: dict[str, Any] = {}  # Any: macros
    module = environment.from_string(source, globals={"adapter": _Adapter(names), "return": lambda value: value})
    names.update(vars(module.module))
    return environment.from_string("{{ " + call + " }}", globals=names).render().strip()


class _Adapter:
    def __init__(self, macros: dict[str, Any]) -> None:  # Any: macros
        self._macros = macros

    def dispatch(self, name: str, package: str | None = None) -> Callable[..., str]:
        found: Callable[..., str] = self._macros.get(f"duckdb__{name}") or self._macros[f"default__{name}"]
        return found
