"""A stand-in for an OpenTelemetry receiver: OTLP/HTTP on loopback, decoded by the protocol's own protobuf, strictly."""

from __future__ import annotations

import gzip
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from tests.loopback import answering

# The specification's syntax of an instrument's name, and the units of UCUM that occur here.
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_./-]{0,254}")
UNITS = {"By", "s", ""}


class Receiver:
    """What came: requests that keep to the protocol, or the complaint about one that does not."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.status = 200
        self.headers: dict[str, str] = {}
        self.came: SimpleQueue[ExportMetricsServiceRequest | str] = SimpleQueue()

    def next(self, seconds: float = 30) -> ExportMetricsServiceRequest:
        came = self.came.get(timeout=seconds)
        assert not isinstance(came, str), came
        return came


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """Listen for the length of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.headers = {name.lower(): value for name, value in self.headers.items()}
            if receiver.status == 200:
                try:
                    receiver.came.put(decoded(self.path, receiver.headers, body))
                except (ValueError, DecodeError) as error:
                    receiver.came.put(f"{type(error).__name__}: {error}")
            answer = ExportMetricsServiceResponse().SerializeToString()
            self.send_response(receiver.status)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    receiver = Receiver(server.server_address[1])
    with answering(server):
        yield receiver


def decoded(path: str, headers: dict[str, str], body: bytes) -> ExportMetricsServiceRequest:
    """Decode a request. Raises ValueError for one that a receiver may refuse or would misread."""
    _require(path == "/v1/metrics", f"the path is {path}")
    _require(headers["content-type"] == "application/x-protobuf", f"the type is {headers['content-type']}")
    if headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    request: ExportMetricsServiceRequest = ExportMetricsServiceRequest.FromString(body)
    # What is not in the protocol would be dropped in silence, and so lack here.
    again = ExportMetricsServiceRequest.FromString(request.SerializeToString(deterministic=True))
    request.DiscardUnknownFields()
    _require(again == request, "there are fields that the protocol does not have")
    (of_resource,) = request.resource_metrics
    (of_scope,) = of_resource.scope_metrics
    names = [metric.name for metric in of_scope.metrics]
    _require(len(names) == len(set(names)), "a metric comes twice")
    for metric in of_scope.metrics:
        _check(metric)
    return request


def _check(metric: Metric) -> None:
    _require(NAME.fullmatch(metric.name) is not None, f"{metric.name!r} is no name")
    _require(metric.unit in UNITS, f"{metric.name} has the unit {metric.unit!r}")
    _require(metric.WhichOneof("data") == "gauge", f"{metric.name} is no gauge")
    _require(len(metric.gauge.data_points) > 0, f"{metric.name} is empty")
    seen = set()
    for point in metric.gauge.data_points:
        _require(point.time_unix_nano > 0, f"{metric.name} has no time")
        _require(point.WhichOneof("value") == "as_double" and math.isfinite(point.as_double), f"{metric.name}: value")
        labels = tuple(sorted((pair.key, pair.value.string_value) for pair in point.attributes))
        _require(all(pair.value.WhichOneof("value") == "string_value" for pair in point.attributes), metric.name)
        _require(labels not in seen, f"{metric.name} has {labels} twice")
        seen.add(labels)


def _require(holds: bool, complaint: str) -> None:
    if not holds:
        raise ValueError(complaint)
