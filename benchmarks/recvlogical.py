"""The floor of capture and drain: pg_recvlogical reads the same backlog over TCP and throws it away."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from typing import Final

from benchmarks.errors import BenchError
from benchmarks.measure import Meter
from benchmarks.source import PUBLICATION, Source, client_environment, program

_SLOT: Final = "floor"


@dataclass(frozen=True, slots=True)
class Floor:
    """How long the floor took, and what it cost the client and the server."""

    seconds: float
    cpu_seconds: dict[str, float]


def read_away(source: Source, slot: str, end: int) -> Floor:
    """Read from where `slot` stands up to `end` into /dev/null, through a copy of the slot, in our own wire format."""
    source.copy_slot(slot, _SLOT)
    options = ["proto_version=1", f"publication_names={PUBLICATION}"]
    if os.environ.get("FLUX_WIRE") == "binary":
        options.append("binary=true")
    command = [
        program("pg_recvlogical"),
        "--dbname",
        "",
        "--start",
        "--no-loop",
        "--slot",
        _SLOT,
        "--file",
        "/dev/null",
    ]
    command += ["--endpos", f"{end >> 32:X}/{end & 0xFFFFFFFF:X}"]
    command += [word for option in options for word in ("-o", option)]
    with Meter({"server": source.postmaster}) as meter:
        began = time.monotonic()
        process = subprocess.Popen(command, env=client_environment(source.url), stderr=subprocess.PIPE)
        assert process.stderr is not None
        with process.stderr:
            said = process.stderr.read().decode(errors="replace")
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise BenchError(f"pg_recvlogical failed: {said.strip()}")
    source.drop_slot(_SLOT)
    return Floor(
        seconds, {"floor_client": usage.ru_utime + usage.ru_stime, "floor_server": meter.cpu_seconds["server"]}
    )
