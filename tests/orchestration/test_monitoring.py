"""DogStatsD at a strict agent; the shipped monitors and dashboards name metrics, labels and rules that there are."""

from __future__ import annotations

import json
import re
import socket
import threading
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml

from orchestration import dogstatsd
from orchestration.alerts.rules import RULES
from orchestration.metrics import METRICS
from orchestration.settings import Settings

FOLDER = Path(__file__).parents[2] / "deploy" / "monitoring"
LABELS = {metric.name: {*metric.labels, "instance"} for metric in METRICS}
LINE = re.compile(
    r"(?P<name>[A-Za-z][A-Za-z0-9_.]{0,199}):(?P<value>-?\d+(\.\d+)?(e[+-]?\d+)?)\|g(\|#(?P<tags>[^|]+))?"
)


def document(tables: int = 2) -> dict[str, Any]:
    return {
        "tables": [
            {"source": f"public.Table, {n}|#x", "state": "streaming", "rows": 10**12 + n, "last_change_at": None}
            for n in range(tables)
        ],
        "position": {"loaded_commit_at": "2026-11-27T03:00:00+00:00", "loaded_lag_seconds": 0.25},
        "slot": None,
        "log": None,
        "events": {"accepted": 1, "loaded": 1, "duplicates": 0, "quarantined": 0},
        "quarantine": {"rows": 0},
        "alerts": {"looked_at": "2026-11-27T03:00:00+00:00", "open": ["problem"]},
    }


def read(datagram: bytes) -> list[tuple[str, float, set[str]]]:
    """Read a datagram as Datadog's agent does, and refuse what it would drop or cut."""
    assert len(datagram) <= 1432
    found = []
    for line in datagram.decode("ascii").split("\n"):
        match = LINE.fullmatch(line)
        assert match is not None, line
        tags = match["tags"].split(",") if match["tags"] else []
        assert all(tag == tag.lower() and len(tag) <= 200 and re.fullmatch(r"[a-z][^\s#|]*", tag) for tag in tags), line
        found.append((match["name"], float(match["value"]), set(tags)))
    return found


def test_an_agent_reads_every_gauge_with_its_labels_as_tags() -> None:
    told = [line for datagram in dogstatsd.datagrams(document(), ["instance:x"]) for line in read(datagram)]
    assert {name for name, _, _ in told} <= LABELS.keys()
    assert ("flux_open_incidents", 1.0, {"instance:x", "severity:problem"}) in told
    assert ("flux_loaded_lag_seconds", 0.25, {"instance:x"}) in told
    assert ("flux_table_rows", 10.0**12 + 1, {"instance:x", "table:public.table__1__x"}) in told


def test_many_tables_come_in_several_datagrams_none_of_them_cut() -> None:
    datagrams = list(dogstatsd.datagrams(document(500)))
    assert len(datagrams) > 20
    assert sum(len(read(datagram)) for datagram in datagrams) > 1000


def test_they_are_pushed_until_told_to_stop(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent:
        agent.bind(("127.0.0.1", 0))
        agent.settimeout(20)
        settings = Settings(home=tmp_path, dogstatsd=f"127.0.0.1:{agent.getsockname()[1]}")
        stop = threading.Event()
        with dogstatsd.pushing(settings, document, stop):
            assert read(agent.recv(65535))
    assert stop.is_set()


def metrics_in(text: str) -> set[str]:
    return set(re.findall(r"\bflux_[a-z_]+", text))


@pytest.mark.parametrize("name", [*sorted(path.name for path in FOLDER.glob("*.json")), "prometheus_rules.yml"])
def test_every_metric_of_a_definition_is_sent_and_every_rule_has_its_entry(name: str) -> None:
    text = (FOLDER / name).read_text()
    assert metrics_in(text)
    assert metrics_in(text) <= LABELS.keys()
    named = set(re.findall(r"rule: ?([a-z_]+)|rule:([a-z_]+)", text))
    assert {one or other for one, other in named} <= RULES.keys()
    anchors = set(re.findall(r"runbook\.md#([a-z-]+)", text))
    assert anchors <= {rule.anchor for rule in RULES.values()}


def test_grafana_groups_by_labels_that_there_are() -> None:
    board = json.loads((FOLDER / "grafana_dashboard.json").read_text())
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    for panel in board["panels"]:
        (target,) = panel["targets"]
        match = re.fullmatch(r"(?:max|sum by \((\w+)\) )\((flux_\w+)\)", target["expr"])
        assert match is not None, target["expr"]
        assert match[1] is None or match[1] in LABELS[match[2]]


def test_datadog_groups_by_tags_that_there_are() -> None:
    monitors = json.loads((FOLDER / "datadog_monitors.json").read_text())
    board = json.loads((FOLDER / "datadog_dashboard.json").read_text())
    queries = [monitor["query"] for monitor in monitors]
    for monitor in monitors:
        assert monitor["query"].endswith(f" {monitor['options']['thresholds']['critical']}")
        assert {"name", "type", "query", "message", "tags", "options"} <= monitor.keys()
    queries += [widget["definition"]["requests"][0]["queries"][0]["query"] for widget in board["widgets"]]
    for query in queries:
        match = re.search(r"(?:max|sum):(flux_\w+)\{([^}]*)\}(?: by \{([^}]*)\})?", query)
        assert match is not None, query
        tags = {part.partition(":")[0] for part in match[2].split(",") if ":" in part}
        tags |= set(filter(None, (match[3] or "").split(",")))
        assert tags <= LABELS[match[1]], query


def test_prometheus_and_terraform_can_read_their_files() -> None:
    (group,) = yaml.safe_load((FOLDER / "prometheus_rules.yml").read_text())["groups"]
    assert all({"alert", "expr", "for", "labels", "annotations"} == rule.keys() for rule in group["rules"])
    with (FOLDER / "datadog.tf").open() as file:
        module = hcl2.load(file)
    assert {next(iter(resource)).strip('"') for resource in module["resource"]} == {
        "datadog_monitor", "datadog_dashboard_json",
    }  # fmt: skip
