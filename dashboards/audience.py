"""For whom a dashboard is: each audience has a site of its own, and a list of what the cards in it may read.

`audiences.yaml` beside the dashboards lists them; the loader reads it. Where there is none, everybody is one audience.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from dashboards.keys import check_key

Schema = Literal["marts", "reporting", "restricted", "usage"]


@dataclass(frozen=True, slots=True)
class Audience:
    """Who reads: which dashboards stand in its site, what these may read, and where the site is."""

    key: str
    title: str
    words: str
    """Who that is, and what the site is for."""
    directory: str
    """Name of the site's directory below FLUX_HOME."""
    sees: tuple[str, ...] = ()
    """Audiences whose dashboards stand in this site as well."""
    reads: tuple[Schema, ...] = ("marts", "reporting")
    """Schemas that cards of its dashboards may read."""

    def __post_init__(self) -> None:
        check_key(self.key, "audience")
        if not re.fullmatch(r"[a-z][a-z0-9-]*", self.directory):
            raise ValueError(f"directory {self.directory!r} of audience {self.key!r} must be one lower-case name")

    @property
    def is_private(self) -> bool:
        """Whether only its owner may open the site: it shows what is restricted."""
        return "restricted" in self.reads


EVERYBODY = Audience("leadership", "Leadership", "All who lead.", "site")
"""The one audience of definitions that name none."""
