"""One warehouse and one built site for the tests that only read them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from dashboards import usage
from dashboards.loader import Definitions, load_definitions
from dashboards.static.site import SiteReport, build_site
from tests.dashboards.warehouse import (
    AUDITED,
    CUT,
    DEFINITIONS,
    METRICS,
    DuckConnection,
    asked_by_three,
    full_warehouse,
)


@dataclass(frozen=True)
class Built:
    directory: Path
    report: SiteReport
    definitions: Definitions
    connection: DuckConnection
    relations: dict[str, str]


def site(home: Path, audience: str, change: str = "") -> Built:
    """Build an audience's site from the small warehouse, after a change to it, and the logs of usage."""
    connection, relations = full_warehouse()
    if change:
        connection.connection.execute(change)
    relations |= usage.RELATIONS
    definitions = load_definitions(DEFINITIONS, METRICS).of(audience)
    out = home / definitions.audiences[audience].directory
    with asked_by_three() as logs:
        report = build_site(
            connection,
            definitions,
            out,
            relations=relations,
            cut=CUT,
            now=CUT.made_at,
            connections={usage.SCHEMA: logs},
            cuts={"restricted": AUDITED},
            private=definitions.audiences[audience].is_private,
        )
    return Built(out, report, definitions, connection, relations)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return site(tmp_path_factory.mktemp("a home"), "analysts")


@pytest.fixture(scope="session")
def built_fairness(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return site(tmp_path_factory.mktemp("a home"), "fairness")
