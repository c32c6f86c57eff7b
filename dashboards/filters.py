"""`{{ filter('client') }}` in a card's SQL: the words for everything, as the filter's definition has them.

A card that obeys a filter returns rows for each of its values and for all; with the tag both sides say the same words,
and the loader knows which filters a query is wired to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from dashboards.errors import DefinitionError, did_you_mean
from dashboards.model import Filter

_TAG = re.compile(r"""\{\{\s*filter\(\s*(['"])(\w+)\1\s*\)\s*\}\}""")


def expand_filters(text: str, filters: Mapping[str, Filter], *, card: str, path: Path) -> str:
    """Replace each filter's tag by its words for everything; `filters` are those that the card obeys."""

    def replace(match: re.Match[str]) -> str:
        name = match.group(2)
        if name not in filters:
            raise DefinitionError(
                f"the SQL names filter {name!r}, which card {card!r} does not obey{did_you_mean(name, filters)};"
                " list it in the card's 'filters'",
                path=path,
                line=text.count("\n", 0, match.start()) + 1,
            )
        return "'" + filters[name].all.replace("'", "''") + "'"

    return _TAG.sub(replace, text)
