"""systemd's units, held against systemd-analyze where there is one, and against Flux."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.deploy.files import DEPLOY, HOME, named_settings, require_command, require_settings

HERE = DEPLOY / "systemd"
UNITS = sorted(HERE.glob("flux-*.service"))
SYSTEM = Path("/usr/lib/systemd/system")
analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None or not SYSTEM.is_dir(), reason="systemd-analyze is not here"
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root directory with the units in place, and something that may be run where Flux would be."""
    root = tmp_path_factory.mktemp("root")
    subprocess.run([HERE / "install"], env={**os.environ, "DESTDIR": str(root)}, check=True, timeout=30)
    for program in ("opt/flux/.venv/bin/flux", "opt/flux/deploy/backup/daily"):
        (root / program).parent.mkdir(parents=True)
        shutil.copy("/bin/true", root / program)
    if SYSTEM.is_dir():
        shutil.copytree(SYSTEM, root / "usr/lib/systemd/system", symlinks=True)
    return root


def options(path: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", path.read_text(), re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


@analyze
def test_systemd_finds_nothing_wrong(root: Path) -> None:
    names = [path.name for path in sorted((root / "etc/systemd/system").iterdir()) if path.is_file()]
    done = subprocess.run(
        ["systemd-analyze", "verify", f"--root={root}", *names], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@analyze
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_calls_the_exposure_small(root: Path, unit: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--root={root}", "--threshold=20", "--no-pager", unit.name],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-500:]


@pytest.mark.parametrize("unit", [path for path in UNITS if path.stem != "flux-backup"], ids=lambda path: path.name)
def test_each_unit_runs_a_command_of_flux_again_and_again(unit: Path) -> None:
    found = options(unit)
    program, *words = shlex.split(found["ExecStart"][0])
    assert program == "/opt/flux/.venv/bin/flux"
    require_command(words)
    assert found["Restart"] == ["always"]
    assert "TimeoutStopSec" in found


def test_the_target_wants_every_unit_and_the_timer() -> None:
    wanted = " ".join(options(HERE / "flux.target")["Wants"]).split()
    assert sorted(wanted) == sorted([path.name for path in UNITS if path.stem != "flux-backup"] + ["flux-backup.timer"])


def test_what_wins_over_the_units_says_nothing_that_a_unit_says() -> None:
    shared = set(options(HERE / "flux-.service.d" / "flux.conf")) - {"After", "Wants"}
    for unit in UNITS:
        assert not shared & set(options(unit)), unit.name


def test_secrets_stand_in_a_file_of_root_alone_and_state_in_one_place(root: Path) -> None:
    shared = options(HERE / "flux-.service.d" / "flux.conf")
    assert shared["EnvironmentFile"] == ["/etc/flux/flux.env"]
    assert shared["StateDirectoryMode"] == ["0700"]
    assert f"FLUX_HOME={HOME}" in shared["Environment"][0].split()
    assert stat.S_IMODE((root / "etc/flux/flux.env").stat().st_mode) == 0o600
    assert "z /etc/flux/flux.env 0600 root root -" in (HERE / "flux.tmpfiles").read_text()
    require_settings(dict.fromkeys(named_settings(HERE / "flux.env.example")))


def test_the_installer_leaves_an_environment_file_that_is_there(root: Path) -> None:
    (root / "etc/flux/flux.env").write_text("FLUX_SLOT=mine\n")
    subprocess.run([HERE / "install"], env={**os.environ, "DESTDIR": str(root)}, check=True, timeout=30)
    assert (root / "etc/flux/flux.env").read_text() == "FLUX_SLOT=mine\n"


def test_units_are_files_that_a_plain_parser_reads() -> None:
    for path in [*UNITS, HERE / "flux.target", HERE / "flux-backup.timer", HERE / "flux-.service.d" / "flux.conf"]:
        parser = configparser.ConfigParser(strict=False, interpolation=None)
        parser.read(path)
        assert set(parser.sections()) <= {"Unit", "Service", "Timer", "Install"}, path.name


def test_a_daily_backup_goes_on_keeps_the_newest_and_removes_what_was_never_finished(tmp_path: Path) -> None:
    flux = tmp_path / "flux"
    flux.write_text(
        '#!/bin/sh\necho "$*" >>"$0.calls"\n[ "$2" = --to ] && mkdir -p "$3" && touch "$3/manifest.json"\nexit 0\n'
    )
    flux.chmod(0o755)
    backups = tmp_path / "backups"
    for day in ("2026-01-01", "2026-01-02", "2026-01-03"):
        (backups / day).mkdir(parents=True)
        if day != "2026-01-03":
            (backups / day / "manifest.json").touch()
    for _ in range(2):
        subprocess.run(
            [DEPLOY / "backup" / "daily", backups, "2"], env={**os.environ, "FLUX": str(flux)}, check=True, timeout=30
        )
    kept = sorted(path.name for path in backups.iterdir())
    assert len(kept) == 2
    assert kept[0] == "2026-01-02"
    calls = (tmp_path / "flux.calls").read_text().splitlines()
    assert [call.split()[1] for call in calls] == ["--to", "--check", "--check"]


def test_a_command_by_hand_runs_as_the_services_do(root: Path) -> None:
    script = root / "usr/local/bin/flux"
    subprocess.run(["sh", "-n", script], check=True, timeout=30)
    stand_in = root / "bin"
    stand_in.mkdir()
    (stand_in / "systemd-run").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (stand_in / "systemd-run").chmod(0o755)
    done = subprocess.run(
        [script, "query", "select 1 as one"], env={"PATH": f"{stand_in}:{os.environ['PATH']}"},
        capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    words = done.stdout.splitlines()
    shared = options(HERE / "flux-.service.d" / "flux.conf")
    assert words[-3:] == ["/opt/flux/.venv/bin/flux", "query", "select 1 as one"]
    assert f"--uid={shared['User'][0]}" in words
    for name in ("EnvironmentFile", "WorkingDirectory", "UMask"):
        assert f"--property={name}={shared[name][0]}" in words
    assert f"--setenv=FLUX_HOME={HOME}" in words
