"""The deployment's files as far as they can be read without Docker: nothing floats, nothing is open."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

HERE = Path(__file__).parents[2] / "deploy" / "metabase"
COMPOSE: dict[str, Any] = yaml.safe_load((HERE / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
# Of the Compose specification: what is used here.
TOP = {"name", "services", "volumes", "secrets"}
OF_A_SERVICE = {
    "image", "restart", "environment", "secrets", "volumes", "ports", "healthcheck", "depends_on",
}  # fmt: skip
OF_A_HEALTHCHECK = {"test", "interval", "timeout", "retries", "start_period"}


def test_it_says_only_what_the_specification_knows() -> None:
    assert set(COMPOSE) <= TOP
    for service in SERVICES.values():
        assert set(service) <= OF_A_SERVICE
        assert set(service["healthcheck"]) <= OF_A_HEALTHCHECK
        assert all(isinstance(value, str) for value in service["environment"].values())


def test_images_are_pinned_to_a_release_that_flux_writes_to() -> None:
    tags = {service["image"].partition(":")[0]: service["image"].partition(":")[2] for service in SERVICES.values()}
    assert re.fullmatch(r"18\.\d+", tags["postgres"])
    match = re.fullmatch(r"v0\.(\d+)\.\d+", tags["metabase/metabase"])
    assert match is not None
    assert int(match.group(1)) >= 58


def test_ports_are_on_loopback_and_services_wait_for_each_other() -> None:
    ports = [port for service in SERVICES.values() for port in service["ports"]]
    assert ports
    assert all(str(port).startswith("127.0.0.1:") for port in ports)
    assert SERVICES["metabase"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_every_secret_is_a_file_that_is_made_and_mounted() -> None:
    mounted = {name for service in SERVICES.values() for name in service["secrets"]}
    assert mounted == set(COMPOSE["secrets"])
    made = re.findall(r"for name in ([\w ]+);", (HERE / "make-secrets").read_text())[0].split()
    assert mounted <= set(made)
    assert {one["file"] for one in COMPOSE["secrets"].values()} == {f"secrets/{name}" for name in mounted}
    for service in SERVICES.values():
        for name, value in service["environment"].items():
            if re.search("PASS|SECRET|KEY", name):
                assert name.endswith("_FILE")
                assert value.removeprefix("/run/secrets/") in service["secrets"]
    assert "secrets/" in (HERE / ".gitignore").read_text().splitlines()


def test_mounted_files_are_there_and_volumes_are_declared() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert (HERE / source).exists() if source.startswith("./") else source in COMPOSE["volumes"]


def test_secrets_are_made_once_in_a_directory_of_their_own(tmp_path: Path) -> None:
    script = tmp_path / "make-secrets"
    script.write_text((HERE / "make-secrets").read_text())
    script.chmod(0o755)
    subprocess.run([script], check=True, timeout=30)
    before = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    subprocess.run([script], check=True, timeout=30)
    assert {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()} == before
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0
    assert len(set(before.values())) == len(before) == 6
    assert re.fullmatch(r"[0-9a-f]{64}\n", before["embedding"])


@pytest.mark.parametrize("script", ["make-secrets", "roles.sh"])
def test_scripts_are_sound_and_may_be_run(script: str) -> None:
    path = HERE / script
    assert os.access(path, os.X_OK)
    subprocess.run(["sh", "-n", path], check=True, timeout=30)
