"""Calls that the product's web app would make, as patterns: the same people and things, under ids and times of ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Final

import orjson

from demo import story
from demo.config import DemoConfig
from demo.shipments import message_namespace, wire_event
from demo.simulation import Simulation

PATTERNS: Final = 4_000

Call = Mapping[str, object]


def write_patterns(config: DemoConfig, path: Path, count: int = PATTERNS) -> None:
    """Tell the story until it has made so many calls after day 0, and write them down."""
    namespace = message_namespace(config.seed)
    with path.open("wb") as file:
        for call in islice(_calls(config), count):
            file.write(orjson.dumps(wire_event(call, namespace)) + b"\n")


def read_patterns(path: Path) -> list[Call]:
    """Read them."""
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def _calls(config: DemoConfig) -> Iterator[story.Call]:
    for told in Simulation(config, with_calls=True).transactions(config.end):
        if told.at >= config.day_zero:
            yield from (call for call in told.calls if call.surface != "bot")
