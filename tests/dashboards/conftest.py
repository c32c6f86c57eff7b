"""One warehouse and one built site for the tests that only read them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from dashboards.loader import Definitions, load_definitions
from dashboards.static.site import SiteReport, build_site
from tests.dashboards.warehouse import CUT, DEFINITIONS, METRICS, DuckConnection, full_warehouse


@dataclass(frozen=True)
class Built:
    directory: Path
    report: SiteReport
    definitions: Definitions
    connection: DuckConnection
    relations: dict[str, str]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    connection, relations = full_warehouse()
    out = tmp_path_factory.mktemp("a home") / "site"
    report = build_site(connection, DEFINITIONS, out, relations=relations, cut=CUT, metrics=METRICS, now=CUT.made_at)
    return Built(out, report, load_definitions(DEFINITIONS, METRICS), connection, relations)
