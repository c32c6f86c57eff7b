"""Metrics: gauges from the status document, with their units in their names; written as Prometheus reads them.

Made when somebody asks, from what owner and capture wrote down: no process is asked and the warehouse is not opened.
The names are an interface: docs/operations.md lists them, and a test compares. `otlp` pushes the same ones.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from orchestration.ports import LOOPBACK

Document = dict[str, Any]  # the JSON document of `flux status`


@dataclass(frozen=True, slots=True)
class Metric:
    """A gauge: its name, which ends with its unit, and what it says."""

    name: str
    doc: str
    labels: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """Give its unit in UCUM's letters, as OTLP wants it.

        None for flags and counts: of "1" Prometheus' receiver would make a suffix `_ratio`. What is measured has the
        suffix already, so names arrive there as they are here.
        """
        return {"bytes": "By", "seconds": "s"}.get(self.name.rpartition("_")[2], "")


METRICS = (
    Metric(
        "flux_table_rows",
        "rows of the mirror; of one above 8 MB in a Postgres warehouse the planner's estimate",
        ("table",),
    ),
    Metric("flux_table_state_info", "1 for the state that the table is in", ("table", "state")),
    Metric("flux_table_last_change_timestamp_seconds", "Unix time at which its last change committed", ("table",)),
    Metric("flux_table_schema_changes", "times that its shape changed or it was copied, ever", ("table",)),
    Metric("flux_quarantined_rows", "open entries of quarantine", ("consumer", "source")),
    Metric("flux_captured_lag_bytes", "write-ahead log of the source that is not in the log"),
    Metric("flux_captured_lag_seconds", "age of the newest look at which all that the source had was in the log"),
    Metric("flux_loaded_lag_bytes", "write-ahead log between what is captured and what is loaded"),
    Metric("flux_loaded_lag_seconds", "age of the oldest captured transaction that is not loaded"),
    Metric("flux_loaded_commit_timestamp_seconds", "Unix time at which the newest loaded transaction committed"),
    Metric("flux_slot_active", "1 while somebody streams from the slot"),
    Metric("flux_slot_retained_wal_bytes", "write-ahead log that the slot holds back at the source"),
    Metric("flux_slot_safe_wal_bytes", "write-ahead log until the slot is lost; absent without a limit"),
    Metric("flux_slot_wal_status_info", "1 for the slot's wal_status", ("status",)),
    Metric("flux_log_bytes", "bytes of the log on disk", ("log",)),
    Metric("flux_log_replayable", "1 when a replay would bring every table"),
    Metric("flux_events_accepted", "events that an SDK was answered 200 for"),
    Metric("flux_events_loaded", "events that are in the warehouse"),
    Metric("flux_events_duplicates", "events whose id was there already"),
    Metric("flux_events_quarantined", "events in quarantine"),
    Metric("flux_status_timestamp_seconds", "Unix time at which the warehouse's owner wrote its status last"),
    Metric("flux_open_incidents", "incidents that were told and not yet cleared", ("severity",)),
    Metric("flux_alerts_look_timestamp_seconds", "Unix time at which somebody looked last for what is wrong"),
)
Sample = tuple[str, Sequence[str], float | None]


def render(document: Document) -> str:
    """Write a status document as Prometheus reads it."""
    return generate_latest(_registry(lambda: document)).decode()


def serve(observe: Callable[[], Document], port: int, stop: threading.Event, *, host: str = LOOPBACK) -> None:
    """Answer /metrics until `stop` is set; the document is made anew for each request."""
    server, thread = start_http_server(port, host, registry=_registry(observe))
    stop.wait()
    server.shutdown()
    server.server_close()
    thread.join()


def samples(document: Document) -> Iterator[Sample]:
    """Give name, labels and value of each sample; None where nothing is known."""
    position, slot, log = document["position"], document["slot"], document["log"]
    for table in document["tables"]:
        name = table["source"]
        yield "flux_table_rows", [name], table["rows"]
        yield "flux_table_state_info", [name, table["state"]], 1
        yield "flux_table_last_change_timestamp_seconds", [name], _unix(table.get("last_change_at"))
        yield "flux_table_schema_changes", [name], table.get("schema_changes")
    quarantined: dict[tuple[str, str], int] = {}
    for group in document["quarantine"].get("groups", ()):
        key = (group["consumer"], group["source"])
        quarantined[key] = quarantined.get(key, 0) + group["rows"]
    for key, rows in quarantined.items():
        yield "flux_quarantined_rows", key, rows
    for which in ("captured", "loaded"):
        for unit in ("bytes", "seconds"):
            yield f"flux_{which}_lag_{unit}", [], position.get(f"{which}_lag_{unit}")
    yield "flux_loaded_commit_timestamp_seconds", [], _unix(position["loaded_commit_at"])
    if slot is not None:
        yield "flux_slot_active", [], int(slot["active"])
        yield "flux_slot_retained_wal_bytes", [], slot["retained_bytes"]
        yield "flux_slot_safe_wal_bytes", [], slot["safe_wal_bytes"]
        yield "flux_slot_wal_status_info", [slot["wal_status"] or "none"], 1
    if log is not None:
        for part, size in log["bytes"].items():
            yield "flux_log_bytes", [part], size
        yield "flux_log_replayable", [], int(log["replay"]["possible"])
    for fate in ("accepted", "loaded", "duplicates", "quarantined"):
        yield f"flux_events_{fate}", [], document["events"][fate]
    yield "flux_status_timestamp_seconds", [], _unix(document.get("written_at"))
    if (alerts := document.get("alerts")) is not None:
        for severity in ("warning", "problem"):
            yield "flux_open_incidents", [severity], alerts["open"].count(severity)
        yield "flux_alerts_look_timestamp_seconds", [], _unix(alerts["looked_at"])


class _Gauges(Collector):
    def __init__(self, observe: Callable[[], Document]) -> None:
        self._observe = observe

    def collect(self) -> Iterator[GaugeMetricFamily]:
        families = {metric.name: GaugeMetricFamily(metric.name, metric.doc, labels=metric.labels) for metric in METRICS}
        for name, labels, value in samples(self._observe()):
            if value is not None:
                families[name].add_metric(list(labels), value)
        yield from families.values()


def _registry(observe: Callable[[], Document]) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Gauges(observe))
    return registry


def _unix(moment: str | None) -> float | None:
    return None if moment is None else datetime.fromisoformat(moment).timestamp()
