"""What image and units promise, staged without Docker: a read-only root, no capabilities, one place to write to."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.files import ROOT

# In a mount namespace of its own, which ends with it. Root without any capability is a user who owns some files.
LOCKED = """
set -eu
mount --make-rprivate /
mount -t tmpfs -o mode=0700,size=1g tmpfs "$ROOM"
mount -o remount,ro,bind /
exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all -- sh -euc "$1"
"""


def locked(script: str, room: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(room), "TMPDIR": str(room), "ROOM": str(room), "FLUX_HOME": f"{room}/home", **variables,
    }  # fmt: skip
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", LOCKED, "sh", script],
        env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.skipif(os.geteuid() != 0, reason="a mount namespace wants root")
def test_flux_runs_on_a_read_only_root_and_writes_to_its_home_alone(tmp_path: Path, database: str) -> None:
    if locked("true", tmp_path).returncode:
        pytest.skip("this machine lets nobody make a mount namespace")
    flux = f"{shlex.quote(sys.executable)} -m orchestration.cli"
    done = locked(
        f"! touch '{ROOT}/written' 2>/dev/null; mkdir $FLUX_HOME; {flux} service healthy; {flux} replicate --until-now;"
        f" {flux} backup --to $ROOM/backup; {flux} query 'select 1 as one' --csv",
        tmp_path,
        FLUX_SOURCE_URL=database,
        FLUX_SLOT="flux_" + database[-20:],
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == ["one", "1"]
