"""The embedded server: starts, stops, survives kill -9, and lies where its user reaches it."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from demo.errors import ServerError
from demo.placement import ServerUser, outside_home, place, reaches
from demo.server import Server


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("state") / "a path with a space"
    yield directory
    Server(directory).remove()


@pytest.fixture
def server(directory: Path) -> Server:
    return Server(directory, settings={"fsync": "off"})


def _postmaster(directory: Path) -> int:
    pid_file = place(directory).data / "postmaster.pid"
    return int(pid_file.read_text().split("\n", 1)[0])


def test_second_start_finds_the_same_server(server: Server, directory: Path) -> None:
    url = server.start()
    first = _postmaster(directory)
    assert Server(directory).start() == url
    assert _postmaster(directory) == first


def test_server_is_logical_and_on_loopback_only(server: Server) -> None:
    with psycopg.connect(server.start()) as connection:
        row = connection.execute(
            "select current_setting('wal_level'), current_setting('listen_addresses'),"
            " current_setting('unix_socket_directories')"
        ).fetchone()
    assert row == ("logical", "127.0.0.1", "")


def test_password_is_asked_for_and_kept_private(server: Server, directory: Path) -> None:
    url = server.start()
    state = directory / "server.json"
    assert state.stat().st_mode & 0o077 == 0
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url.replace(json.loads(state.read_text())["password"], "wrong"))


def test_kill_9_of_the_postmaster_loses_nothing(server: Server, directory: Path) -> None:
    url = server.start()
    with psycopg.connect(url) as connection:
        connection.execute("create table if not exists kept as select 42 as answer")
    os.kill(_postmaster(directory), signal.SIGKILL)
    assert server.start() == url
    with psycopg.connect(url) as connection:
        assert connection.execute("select answer from kept").fetchone() == (42,)


def test_stale_pid_file_that_names_a_living_stranger_is_no_obstacle(server: Server, directory: Path) -> None:
    server.start()
    server.stop()
    assert not server.running
    pid_file = place(directory).data / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n/nowhere\n0\n1\n\n127.0.0.1\n1 1\nready\n")
    server.start()
    assert server.running


def test_taken_port_is_given_up_for_a_free_one(server: Server) -> None:
    url = server.start()
    port = int(url.rsplit(":", 1)[1].split("/")[0])
    server.stop()
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        assert server.start() != url
    assert server.running


def test_killed_initialisation_is_done_again(server: Server, directory: Path) -> None:
    server.start()
    server.stop()
    (directory / "server.json").unlink()
    with psycopg.connect(server.start()) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_stop_of_a_server_that_never_ran_is_fine(tmp_path: Path) -> None:
    Server(tmp_path / "never").stop()
    assert not Server(tmp_path / "never").running


def test_url_before_the_first_start_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="start it first"):
        _ = Server(tmp_path / "never").url


def test_closed_folder_is_not_reached_by_a_stranger(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert not reaches(closed / "below", ServerUser(65534, 65534))
    assert reaches(Path("/usr/bin"), ServerUser(65534, 65534))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs a second place")
def test_root_below_a_closed_home_gets_a_place_outside_and_remove_takes_it_away(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = Server(closed / "postgres")
    server.start()
    outside = outside_home(closed / "postgres")
    assert outside is not None
    assert outside.stat().st_uid == 0
    assert server.running
    server.remove()
    assert not outside.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs a second place")
def test_place_made_by_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("demo.placement.OUTSIDE", tmp_path)
    monkeypatch.setattr("demo.placement.reaches", lambda path, user: False)
    monkeypatch.setattr("demo.placement._outside", lambda directory: tmp_path / "trap")
    (tmp_path / "trap").mkdir()
    (tmp_path / "trap").chmod(0o777)
    with pytest.raises(ServerError, match="is not a folder of ours"):
        Server(tmp_path / "state").start()
