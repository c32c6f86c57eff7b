"""The metrics, pushed as OpenTelemetry: OTLP over HTTP, protobuf, to FLUX_OTLP_ENDPOINT.

The same gauges as Prometheus reads, under the same names, each with its unit. A push that fails is lost: the next one
says all that there is to say, and nothing of ours waits for a receiver. The exporter itself honours OpenTelemetry's own
variables: OTEL_EXPORTER_OTLP_HEADERS, _CERTIFICATE, _CLIENT_KEY, _CLIENT_CERTIFICATE, _COMPRESSION and _TIMEOUT,
OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES. Source: OpenTelemetry's specification of OTLP 1.x and of exporters.
"""

from __future__ import annotations

import importlib.metadata
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from opentelemetry.exporter.otlp.proto.http import metric_exporter
from opentelemetry.sdk.metrics import export
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from orchestration.errors import PushError, SettingError
from orchestration.metrics import METRICS, Document, samples
from orchestration.settings import Settings

INTERVAL: Final = "OTEL_METRIC_EXPORT_INTERVAL"
_PATH: Final = "/v1/metrics"
_PACKAGE: Final = "flux-data-platform"
logger = logging.getLogger(__name__)


class Pusher:
    """Sends status documents to one receiver. Not thread-safe, but for `close`."""

    def __init__(self, endpoint: str, home: Path) -> None:
        self._resource = _resource(home)
        self._exporter = metric_exporter.OTLPMetricExporter(endpoint.rstrip("/") + _PATH)

    def push(self, document: Document) -> None:
        """Send one document. Raises PushError with the exporter's last words, after at most its timeout (10 s)."""
        with _Words() as words:
            done = self._exporter.export(self._data(document))
        if done is not export.MetricExportResult.SUCCESS:
            raise PushError(f"the receiver at FLUX_OTLP_ENDPOINT did not take the metrics: {words.last}")

    def close(self) -> None:
        """Let go of the connection; a push that waits to be tried again gives up."""
        with _Words():
            self._exporter.shutdown()

    def _data(self, document: Document) -> export.MetricsData:
        now = time.time_ns()
        points: dict[str, list[export.NumberDataPoint]] = {metric.name: [] for metric in METRICS}
        labels = {metric.name: metric.labels for metric in METRICS}
        for name, values, value in samples(document):
            if value is not None:
                attributes = dict(zip(labels[name], values, strict=True))
                points[name].append(export.NumberDataPoint(attributes, 0, now, float(value)))
        metrics = [
            export.Metric(metric.name, metric.doc, metric.unit, export.Gauge(points[metric.name]))
            for metric in METRICS
            if points[metric.name]
        ]
        scope = export.ScopeMetrics(InstrumentationScope("flux", _version()), metrics, "")
        return export.MetricsData([export.ResourceMetrics(self._resource, [scope], "")])


@contextmanager
def pushing(settings: Settings, observe: Callable[[], Document], stop: threading.Event) -> Iterator[None]:
    """Push at an interval for the length of the block, until `stop` is set; does nothing without FLUX_OTLP_ENDPOINT."""
    if settings.otlp_endpoint is None:
        yield
        return
    pusher, seconds = Pusher(settings.otlp_endpoint, settings.home), interval_seconds()
    # A daemon: a receiver that does not answer holds nobody up who wants to end.
    thread = threading.Thread(target=keep_pushing, args=(pusher, observe, stop, seconds), name="otlp", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        pusher.close()
        thread.join(1)


def keep_pushing(pusher: Pusher, observe: Callable[[], Document], stop: threading.Event, seconds: float) -> None:
    """Push at an interval until `stop` is set. Says once when it begins to fail, and once when it goes again."""
    failing = False
    while True:
        try:
            pusher.push(observe())
            if failing:
                logger.warning("the receiver of the metrics takes them again")
            failing = False
        except PushError as error:
            if not failing and not stop.is_set():
                logger.warning("%s; trying again every %.0f s", error, seconds)
            failing = True
        except Exception:  # the outermost loop of its thread: a status that cannot be read now can be later
            logger.exception("the metrics could not be made")
        if stop.wait(seconds):
            return


def interval_seconds() -> float:
    """Read OpenTelemetry's variable for the time between two pushes. Raises SettingError."""
    text = os.environ.get(INTERVAL) or "60000"
    if not text.isdecimal() or not 1 <= int(text) <= 86_400_000:
        raise SettingError(f"{INTERVAL} wants milliseconds, 1 to 86400000, got {text!r}")
    return int(text) / 1000


def _resource(home: Path) -> Resource:
    """Say who pushes; what OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME say counts more."""
    ours = {
        "service.name": "flux",
        "service.version": _version(),
        # Two Fluxes that push to one receiver are told apart by it, and one that starts again stays the same.
        "service.instance.id": f"{socket.gethostname()}:{home}",
    }
    return Resource(ours).merge(OTELResourceDetector().detect())


def _version() -> str:
    return importlib.metadata.version(_PACKAGE)


class _Words(logging.Handler):
    """Collects what the exporter logs, a line for each try, instead of letting it out."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self._theirs = logging.getLogger(metric_exporter.__name__)

    @property
    def last(self) -> str:
        """Give the last two lines: the reason of the last try, and that it was the last."""
        return "; ".join(self.said[-2:])

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())

    def __enter__(self) -> Self:
        self._theirs.propagate = False
        self._theirs.addHandler(self)
        return self

    def __exit__(self, *ignored: object) -> None:
        self._theirs.removeHandler(self)
