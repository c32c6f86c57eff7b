"""A mistake in what stands around the dashboards is told with file and line, before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboards.errors import DefinitionError
from dashboards.loader import Definitions, load_definitions
from dashboards.metabase.surroundings import Surroundings, load_surroundings
from tests.dashboards.warehouse import DEFINITIONS, METRICS, contracts

ACCESS = """\
collections:
  leadership: {title: Leadership}
  analysts: {title: Analysts}
  fairness: {title: Fairness}
groups:
  everyone: {title: All Users, data: none}
"""
SENDING = "subscriptions: {}\nalerts: {}\n"
WEEKLY = "{title: Mondays, dashboard: overview, when: {each: week, day: mon, hour: 8}, emails: [all@example.com]}"


@pytest.fixture(scope="module")
def definitions() -> Definitions:
    return load_definitions(DEFINITIONS, METRICS)


def load(definitions: Definitions, directory: Path, access: str = ACCESS, sending: str = SENDING) -> Surroundings:
    (directory / "access.yaml").write_text(access)
    (directory / "sending.yaml").write_text(sending)
    return load_surroundings(directory, definitions, contracts())


def test_what_is_shipped_is_sound_and_gives_leaders_no_queries(definitions: Definitions) -> None:
    found = load_surroundings(DEFINITIONS / "metabase", definitions, contracts())
    assert {"leadership", "analysts", "ml", "fairness"} <= set(found.collections)
    assert (found.groups["leaders"].data, found.groups["everyone"].data) == ("none", "none")
    assert [key for key, group in found.groups.items() if "fairness" in group.collections] == ["fairness"]


def test_a_subscription_and_an_alert_are_read(definitions: Definitions, tmp_path: Path) -> None:
    sending = f"subscriptions:\n  mondays: {WEEKLY}\nalerts:\n  broken: "
    sending += "{card: quarantined, sends: rows, when: {each: hour}, slack: '#data'}\n"
    found = load(definitions, tmp_path, sending=sending)
    assert found.subscriptions["mondays"].emails == ("all@example.com",)
    assert found.alerts["broken"].slack == "#data"


WRONG_ACCESS = {
    "unknown section": (ACCESS + "rights: {}\n", r"access.yaml:7: unknown key 'rights'"),
    "unknown key": (ACCESS.replace("data: none", "dada: none"), r"access.yaml:6: unknown key 'dada'.*'data'"),
    "unknown level": (ACCESS.replace("data: none", "data: all"), r"access.yaml:6: 'data' .* cannot be 'all'"),
    "no group of all": (ACCESS.replace("everyone", "leaders"), "'everyone' is missing"),
    "no collection of an audience": (ACCESS.replace("analysts:", "analists:"), r"access.yaml:1: .*'analysts'"),
    "unknown collection": (
        ACCESS + "  leaders: {title: L, data: none, collections: {leader: read}}\n",
        r"access.yaml:7: there is no collection 'leader'; did you mean 'leadership'",
    ),
    "unknown right": (
        ACCESS + "  leaders: {title: L, data: none, collections: {leadership: own}}\n",
        "cannot be 'own'",
    ),
    "people of everybody": (
        ACCESS.replace("data: none}", "data: none, people: [ann@example.com]}"),
        r"access.yaml:6: everybody is in it",
    ),
    "people without addresses": (
        ACCESS + "  leaders: {title: L, data: none, people: [Ann]}\n",
        r"access.yaml:7: an entry of 'people' is no address",
    ),
    "unknown dashboard": (
        ACCESS + "embedding:\n  hiring: {lock: client, by: dim_client.client_id}\n",
        r"access.yaml:8: there is no dashboard 'hiring'; did you mean 'hiring_funnel'",
    ),
    "unknown filter": (
        ACCESS + "embedding:\n  hiring_funnel: {lock: clients, by: dim_client.client_id}\n",
        "no filter of 'hiring_funnel' 'clients'; did you mean 'client'",
    ),
    "unknown model": (
        ACCESS + "embedding:\n  hiring_funnel: {lock: client, by: dim_clients.client_id}\n",
        "no model 'dim_clients'; did you mean 'dim_client'",
    ),
    "no column": (ACCESS + "embedding:\n  hiring_funnel: {lock: client, by: client_id}\n", "wants model.column"),
    "a card that shows all clients": (
        ACCESS + "embedding:\n  overview: {lock: client, by: dim_client.client_id}\n",
        r"access.yaml:8: card 'clients_at_a_glance' does not obey the filter 'client': embedded, it would show every",
    ),
    "a key of two words": (ACCESS.replace("fairness:", "Fair Ness:"), "lower snake case"),
}
WRONG_SENDING = {
    "unknown dashboard": (
        f"subscriptions:\n  a: {WEEKLY}".replace("overview", "overviev"),
        r"sending.yaml:2: .*'overview'",
    ),
    "nobody": ("subscriptions:\n  a: {title: A, dashboard: overview, when: {each: hour}}\n", "sent to nobody"),
    "two ways": (f"subscriptions:\n  a: {WEEKLY}".replace("emails", "slack: '#a', emails"), "two ways"),
    "no address": (f"subscriptions:\n  a: {WEEKLY}".replace("all@example.com", "all"), "is no address"),
    "no channel": ("alerts:\n  a: {card: quarantined, sends: rows, when: {each: hour}, slack: data}\n", "'#name'"),
    "no hour": (f"subscriptions:\n  a: {WEEKLY}".replace(", hour: 8", ""), "'hour' belongs to each day"),
    "hour of an hour": (
        "alerts:\n  a: {card: quarantined, sends: rows, when: {each: hour, hour: 3}, slack: '#a'}\n",
        "'hour'",
    ),
    "hour 24": (f"subscriptions:\n  a: {WEEKLY}".replace("hour: 8", "hour: 24"), "must be 0 to 23"),
    "no day": (f"subscriptions:\n  a: {WEEKLY}".replace(", day: mon", ""), "'day' belongs to each week"),
    "unknown day": (f"subscriptions:\n  a: {WEEKLY}".replace("day: mon", "day: monday"), "did you mean 'mon'"),
    "unknown card": (
        "alerts:\n  a: {card: quarantine, sends: rows, when: {each: hour}, slack: '#a'}\n",
        "'quarantined'",
    ),
    "no target": (
        "alerts:\n  a: {card: quarantined, sends: above_target, when: {each: hour}, slack: '#a'}\n",
        r"sending.yaml:2: the card 'quarantined' has no 'target': an alert about it would never be sent",
    ),
    "unknown condition": ("alerts:\n  a: {card: quarantined, sends: row, when: {each: hour}, slack: '#a'}\n", "'rows'"),
}


@pytest.mark.parametrize(("text", "words"), WRONG_ACCESS.values(), ids=WRONG_ACCESS.keys())
def test_a_mistake_in_access_is_told(text: str, words: str, definitions: Definitions, tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=words):
        load(definitions, tmp_path, access=text)


@pytest.mark.parametrize(("text", "words"), WRONG_SENDING.values(), ids=WRONG_SENDING.keys())
def test_a_mistake_in_sending_is_told(text: str, words: str, definitions: Definitions, tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=words):
        load(definitions, tmp_path, sending=text)
