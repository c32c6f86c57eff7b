"""The metrics as OpenTelemetry, judged by the protocol's own decoder."""

from __future__ import annotations

import copy
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from prometheus_client.parser import text_string_to_metric_families

from orchestration.cli.main import main
from orchestration.errors import PushError, SettingError
from orchestration.metrics import METRICS, Document, render
from orchestration.otlp import Pusher, interval_seconds, keep_pushing
from orchestration.ports import free_port
from orchestration.settings import Settings
from tests.orchestration.otlp_receiver import Receiver, receiving

DOCUMENT: Document = {
    "tables": [
        {"source": "public.t", "state": "streaming", "rows": 2, "last_change_at": "2026-11-23T05:44:00+00:00",
         "schema_changes": 1},
        {"source": "public.über", "state": "inexact", "rows": 0, "last_change_at": None, "schema_changes": 3},
    ],
    "position": {"loaded_commit_at": "2026-11-23T05:44:00+00:00", "captured_lag_bytes": 17, "captured_lag_seconds": 1.5,
                 "loaded_lag_bytes": 0, "loaded_lag_seconds": 0.0},
    "slot": {"active": True, "retained_bytes": 1 << 40, "safe_wal_bytes": None, "wal_status": "reserved"},
    "log": {"bytes": {"postgres": 5, "events": 6}, "replay": {"possible": False}},
    "events": {"accepted": 4, "loaded": 2, "duplicates": 1, "quarantined": 1},
    "quarantine": {"rows": 1, "groups": [{"consumer": "events", "source": "default", "rows": 1}]},
    "written_at": "2026-11-23T05:44:01+00:00",
}  # fmt: skip
Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(autouse=True)
def no_words_of_opentelemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def series(request: ExportMetricsServiceRequest) -> Series:
    (scope,) = request.resource_metrics[0].scope_metrics
    return {
        (metric.name, frozenset((pair.key, pair.value.string_value) for pair in point.attributes)): point.as_double
        for metric in scope.metrics
        for point in metric.gauge.data_points
    }


def of_prometheus(document: Document) -> Series:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(render(document))
        for sample in family.samples
    }


def resource(request: ExportMetricsServiceRequest) -> dict[str, str]:
    return {pair.key: pair.value.string_value for pair in request.resource_metrics[0].resource.attributes}


def test_a_receiver_gets_what_prometheus_reads(receiver: Receiver, tmp_path: Path) -> None:
    Pusher(receiver.url, tmp_path).push(DOCUMENT)
    got = series(receiver.next())
    assert got == of_prometheus(DOCUMENT)
    assert len(got) == 24
    assert got["flux_slot_retained_wal_bytes", frozenset()] == 1 << 40
    assert got["flux_table_state_info", frozenset({("table", "public.über"), ("state", "inexact")})] == 1


def test_each_metric_has_the_unit_that_its_name_ends_with(receiver: Receiver, tmp_path: Path) -> None:
    Pusher(receiver.url, tmp_path).push(DOCUMENT)
    (scope,) = receiver.next().resource_metrics[0].scope_metrics
    assert (scope.scope.name, scope.scope.version) == ("flux", "0.1.0")
    docs = {metric.name: metric.doc for metric in METRICS}
    for metric in scope.metrics:
        suffix = metric.name.rpartition("_")[2]
        assert metric.unit == {"bytes": "By", "seconds": "s"}.get(suffix, ""), metric.name
        assert metric.description == docs[metric.name]


def test_the_resource_says_which_flux_it_is_and_opentelemetrys_variables_count_more(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Pusher(receiver.url, tmp_path).push(DOCUMENT)
    assert resource(receiver.next()) == {
        "service.name": "flux",
        "service.version": "0.1.0",
        "service.instance.id": f"{socket.gethostname()}:{tmp_path}",
    }
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging,service.instance.id=one")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "talent-flux")
    Pusher(receiver.url, tmp_path).push(DOCUMENT)
    assert resource(receiver.next()) == {
        "service.name": "talent-flux",
        "service.version": "0.1.0",
        "service.instance.id": "one",
        "deployment.environment.name": "staging",
    }


def test_headers_and_compression_are_set_as_opentelemetry_does(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20key")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    Pusher(receiver.url + "/", tmp_path).push(DOCUMENT)
    assert series(receiver.next()) == of_prometheus(DOCUMENT)
    assert (receiver.headers["api-key"], receiver.headers["content-encoding"]) == ("a key", "gzip")


def test_what_is_not_known_is_not_pushed(receiver: Receiver, tmp_path: Path) -> None:
    document = copy.deepcopy(DOCUMENT) | {"slot": None, "log": None, "tables": [], "written_at": None}
    Pusher(receiver.url, tmp_path).push(document)
    names = {name for name, _ in series(receiver.next())}
    assert not [name for name in names if name.startswith(("flux_slot", "flux_log", "flux_table", "flux_status"))]


def test_a_receiver_that_refuses_is_told_of_once_and_harms_nobody(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.status, stop, looks = 401, threading.Event(), iter(range(5))

    def observe() -> Document:
        if (look := next(looks)) == 2:
            raise OSError("status.json is on a disk that is gone")
        if look == 3:
            receiver.status = 200
        if look == 4:
            stop.set()
        return DOCUMENT

    with caplog.at_level(logging.WARNING):
        keep_pushing(Pusher(receiver.url, tmp_path), observe, stop, 0.001)
    ours = [record.getMessage() for record in caplog.records if record.name == "orchestration.otlp"]
    assert ours == [
        "the receiver at FLUX_OTLP_ENDPOINT did not take the metrics: Failed to export metrics batch code: 401, "
        "reason: Unauthorized; trying again every 0 s",
        "the metrics could not be made",
        "the receiver of the metrics takes them again",
    ]
    assert series(receiver.next()) == series(receiver.next()) == of_prometheus(DOCUMENT)


def test_a_receiver_that_never_answers_costs_no_more_than_the_timeout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.2")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://user:secret@127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(PushError, match="did not take the metrics") as told:
            Pusher(url, tmp_path).push(DOCUMENT)
    assert "secret" not in str(told.value)


def test_a_push_says_what_is_wrong(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLUX_HOME", str(tmp_path))
    monkeypatch.setenv("FLUX_SOURCE_URL", "postgresql://127.0.0.1:1/none")
    assert main(["metrics", "--push"]) == 1
    assert "FLUX_OTLP_ENDPOINT is not set" in capsys.readouterr().err
    monkeypatch.setenv("FLUX_OTLP_ENDPOINT", receiver.url)
    receiver.status = 500
    assert main(["metrics", "--push"]) == 1
    assert "code: 500" in capsys.readouterr().err
    receiver.status = 200
    assert main(["metrics", "--push"]) == 0
    assert series(receiver.next())["flux_events_accepted", frozenset()] == 0


@pytest.mark.parametrize("endpoint", ["127.0.0.1:4318", "grpc://a:4317", "http://a/?key=1", "http://"])
def test_an_endpoint_that_cannot_be_meant_is_refused(endpoint: str) -> None:
    with pytest.raises(SettingError, match="FLUX_OTLP_ENDPOINT wants"):
        Settings.read({"FLUX_OTLP_ENDPOINT": endpoint})


def test_the_interval_is_opentelemetrys(monkeypatch: pytest.MonkeyPatch) -> None:
    assert interval_seconds() == 60
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "1500")
    assert interval_seconds() == 1.5
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "1s")
    with pytest.raises(SettingError, match="wants milliseconds"):
        interval_seconds()


def test_the_service_pushes_and_serves_also_while_the_receiver_is_away(tmp_path: Path) -> None:
    """As `flux up` starts it. The receiver comes late, goes and comes again; Prometheus is answered all the while."""
    port, metrics_port = free_port(), free_port()
    (tmp_path / "status.json").write_text(json.dumps({"events": DOCUMENT["events"]}))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("FLUX_", "OTEL_"))}
    environment |= {
        "FLUX_HOME": str(tmp_path),
        "FLUX_SOURCE_URL": "postgresql://127.0.0.1:1/none",
        "FLUX_METRICS_PORT": str(metrics_port),
        "FLUX_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_METRIC_EXPORT_INTERVAL": "50",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "0.5",
    }
    command = [sys.executable, "-m", "orchestration.cli", "metrics", "--serve"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as service:
        assert service.stderr is not None
        assert service.stderr.readline().startswith("metrics at ")
        assert "did not take the metrics" in service.stderr.readline()
        for _ in range(2):
            with receiving(port) as receiver:
                assert series(receiver.next())["flux_events_accepted", frozenset()] == 4
            with urllib.request.urlopen(f"http://127.0.0.1:{metrics_port}/metrics", timeout=10) as answer:
                assert b"flux_events_accepted 4.0" in answer.read()
        service.send_signal(signal.SIGTERM)
        assert service.wait(10) == 0
