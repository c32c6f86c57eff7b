"""The service that keeps the stand-in's server: one that is killed is there again, at the same address."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

from demo.placement import place
from demo.server import Server
from orchestration.settings import Settings
from orchestration.walk.product import keep_stand_in
from tests.orchestration.test_supervisor import wait_for


def test_a_killed_server_is_started_again_and_ends_with_its_keeper(tmp_path: Path) -> None:
    settings = Settings.read({"FLUX_HOME": str(tmp_path / "home")})
    server, stop = Server(settings.stand_in_directory), threading.Event()
    keeper = threading.Thread(target=keep_stand_in, args=(settings, stop))
    keeper.start()
    try:
        wait_for(lambda: server.running, seconds=60)
        url, first = server.url, _postmaster(settings)
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: server.running and _postmaster(settings) != first, seconds=60)
        assert Server(settings.stand_in_directory).alive
        assert server.url == url
    finally:
        stop.set()
        keeper.join(60)
    assert not server.alive
    server.remove()


def _postmaster(settings: Settings) -> int:
    data = place(settings.stand_in_directory).data
    return int((data / "postmaster.pid").read_text().split("\n", 1)[0])
