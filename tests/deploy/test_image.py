"""The image's file, linted and read; what it promises of a read-only root is staged in test_locked_up."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.deploy.files import DEPLOY, HOME, ROOT, named_settings, require_settings

FILE = DEPLOY / "image" / "Dockerfile"
LINES = [line for line in FILE.read_text().replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
FINAL = LINES[[line.startswith("FROM") for line in LINES].index(True, 2) :]


def test_the_linter_finds_nothing() -> None:
    program = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert program is not None
    done = subprocess.run([program, FILE], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_both_stages_stand_on_one_image_that_is_pinned_and_may_be_pinned_by_digest() -> None:
    assert re.fullmatch(r"ARG PYTHON_IMAGE=python:3\.11\.\d+-slim-[a-z]+", LINES[0])
    assert [line for line in LINES if line.startswith("FROM")] == [
        "FROM ${PYTHON_IMAGE} AS build",
        "FROM ${PYTHON_IMAGE} AS flux",
    ]
    assert "--build-arg PYTHON_IMAGE=" in FILE.read_text()
    assert "@sha256:" in FILE.read_text()


def test_packages_are_those_of_the_lock_and_tools_of_the_build_are_pinned_and_left_behind() -> None:
    text = FILE.read_text()
    assert "--requirement requirements/base.txt" in text
    assert all("==" in line for line in (ROOT / "requirements" / "base.txt").read_text().splitlines() if line)
    runs = " ".join(line for line in LINES if line.startswith("RUN"))
    assert set(re.findall(r"(?:hatchling|editables)\S*", runs)) == {"hatchling==1.33.0", "editables==0.6"}
    final = " ".join(FINAL)
    assert "pip install" not in final.replace("pip uninstall", "")
    assert "apt-get" not in final
    assert "pip uninstall --yes pip" in final
    assert [line for line in FINAL if line.startswith("COPY")] == ["COPY --from=build /opt/flux /opt/flux"]


def test_it_runs_as_nobody_of_the_machine_is_asked_how_it_is_and_holds_no_secret() -> None:
    final = "\n".join(FINAL)
    assert "USER 10001:10001" in FINAL
    assert FINAL.index("USER 10001:10001") < next(n for n, line in enumerate(FINAL) if line.startswith("ENTRYPOINT"))
    assert 'CMD ["flux", "service", "healthy"]' in final
    assert 'ENTRYPOINT ["flux"]' in final
    assert f"FLUX_HOME={HOME}" in final
    require_settings(dict.fromkeys(named_settings(FILE)))
    assert set(named_settings(FILE)) == {"FLUX_HOME"}
    assert not re.search(r"(PASSWORD|SECRET|TOKEN|postgresql://)", FILE.read_text())


def test_the_context_has_what_is_copied_and_neither_state_nor_history() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    copied = {word for line in LINES if line.startswith("COPY") and "--from" not in line for word in line.split()[1:-1]}
    assert ignored[1] == "*"
    assert copied == let_in
    assert all((ROOT / path).exists() for path in copied)
    assert not let_in & {".git", ".flux", "deploy", "tests"}


def test_the_code_that_is_copied_is_all_that_the_wheel_has() -> None:
    packages = re.search(r"^packages = \[(.*)\]", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert packages is not None
    assert set(re.findall(r'"(\w+)"', packages[1])) <= {line.split()[1] for line in LINES if line.startswith("COPY")}
