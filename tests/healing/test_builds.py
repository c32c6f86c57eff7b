"""Kill what a build hangs on while it holds the warehouse: it is made again, and readers keep the copy of before."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from tests.healing.running import running
from tests.healing.up import Up

pytestmark = pytest.mark.timeout(3600)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A `flux up` that builds one build after the other, and has published one."""
    with running(tmp_path_factory.mktemp("up"), build_minutes=0.2) as up:
        up.start()
        up.await_said("ready; ")
        up.await_build(since=0)
        yield up


@pytest.mark.parametrize("victim", ["run", "code-server", "daemon"])
def test_a_build_whose_process_is_killed_is_made_again_and_readers_keep_theirs(up: Up, victim: str) -> None:
    run, since = up.await_building(), time.time()
    os.kill(run if victim == "run" else up.await_pid(victim), signal.SIGKILL)
    assert up.published() > 0
    up.await_build(since)
    assert up.published() > 0
    up.require_whole()
