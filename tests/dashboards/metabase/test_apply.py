"""Definitions become a Metabase's dashboards: applied once they are there, applied twice nothing changes."""

from __future__ import annotations

from dashboards.metabase.wanted import Item
from tests.dashboards.metabase.conftest import Deployer
from tests.dashboards.metabase.server import Fake

Items = dict[str, Item]


def test_all_that_is_defined_is_made_and_every_card_runs(items: Items, metabase: Fake, deployer: Deployer) -> None:
    done = deployer.apply(items)

    assert done.created == list(items)
    assert done.broken == []
    assert done.ran == sum(item.kind == "card" and not item.key.endswith("_values") for item in items.values())
    assert len(metabase.state.dashboards) == 6


def test_applied_twice_is_an_empty_plan_and_not_one_write(items: Items, metabase: Fake, deployer: Deployer) -> None:
    deployer.apply(items)
    metabase.asked.clear()

    plan = deployer.plan(items)
    deployer.apply(items)

    assert (plan.changes, plan.unneeded, plan.foreign) == ((), (), ())
    assert metabase.writes == []
