"""Terraform and the task definitions, as far as they can be read without AWS."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
from pathlib import Path
from string import Template
from typing import Any

import hcl2
import pytest

from tests.deploy.files import DEPLOY, HOME, require_command, require_settings

HERE = DEPLOY / "aws"
FILES = sorted((HERE / "terraform").glob("*.tf"))
TASKS = sorted((HERE / "tasks").glob("*.json"))
TEXT = "\n".join(re.sub(r"(?m)^\s*#.*$", "", path.read_text()) for path in FILES)


def containers(path: Path) -> list[dict[str, Any]]:
    names = set(re.findall(r"\$\{(\w+)\}", path.read_text()))
    found: list[dict[str, Any]] = json.loads(Template(path.read_text()).substitute({name: name for name in names}))
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_file_is_terraforms_language(path: Path) -> None:
    assert hcl2.load(io.StringIO(path.read_text()))
    with pytest.raises(Exception, match=r"Unexpected|Expected|token|input"):
        hcl2.load(io.StringIO(path.read_text() + '\nresource "x" {'))


@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not here; python-hcl2 reads the syntax")
def test_terraform_itself_would_change_no_format(tmp_path: Path) -> None:
    shutil.copytree(HERE / "terraform", tmp_path / "terraform")
    done = subprocess.run(
        ["terraform", "fmt", "-check", "-diff", tmp_path / "terraform"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_whatever_is_referred_to_is_declared() -> None:
    declared = {f"{kind}.{name}" for kind, name in re.findall(r'^resource "(\w+)" "(\w+)"', TEXT, re.MULTILINE)}
    declared |= {f"data.{kind}.{name}" for kind, name in re.findall(r'^data "(\w+)" "(\w+)"', TEXT, re.MULTILINE)}
    variables = set(re.findall(r'^variable "(\w+)"', TEXT, re.MULTILINE))
    referred = set(re.findall(r"\b((?:data\.)?aws_\w+\.\w+)", TEXT))

    assert {name for name in referred if not name.startswith("data.")} <= declared
    assert {name for name in referred if name.startswith("data.")} <= declared
    assert set(re.findall(r"\bvar\.(\w+)", TEXT)) == variables
    for block in re.findall(r"^locals \{(.*?)^\}", TEXT, re.MULTILINE | re.DOTALL):
        assert re.findall(r"^  (\w+) *=", block, re.MULTILINE)
    assert set(re.findall(r"\blocal\.(\w+)", TEXT)) == {"secrets", "tasks"}


def test_no_secret_and_no_open_door_is_in_it() -> None:
    assert not re.search(r"(?i)(password|secret_string)\s*=\s*\"", TEXT)
    for ingress in re.findall(r'resource "aws_vpc_security_group_ingress_rule".*?^}', TEXT, re.MULTILINE | re.DOTALL):
        assert "cidr" not in ingress
    assert TEXT.count("prevent_destroy = true") == 2
    assert TEXT.count("encrypted         = true") == 2


def test_the_products_parameter_group_is_what_the_page_on_managed_postgres_says() -> None:
    page = (DEPLOY.parent / "docs" / "managed_postgres.md").read_text()
    assert "`rds.logical_replication = 1`" in page
    assert re.search(r'name\s+= "rds.logical_replication"\s+value\s+= "1"', TEXT)


@pytest.mark.parametrize("path", TASKS, ids=lambda path: path.name)
def test_each_container_runs_a_command_of_flux_locked_up_with_known_settings(path: Path) -> None:
    for container in containers(path):
        require_command(container["command"])
        kind, program, *words = container["healthCheck"]["command"]
        assert (kind, program, words) == ("CMD", "flux", ["service", "healthy", container["name"]])
        given = {one["name"]: one["value"] for one in container["environment"]}
        secret = {one["name"]: one["valueFrom"] for one in container["secrets"]}
        require_settings(given | secret)
        assert given["FLUX_HOME"] == HOME
        assert not any(re.search("URL|KEY", name) for name in given)
        assert container["mountPoints"] == [{"sourceVolume": "home", "containerPath": HOME}]
        assert container["readonlyRootFilesystem"] is True
        assert container["linuxParameters"]["capabilities"] == {"drop": ["ALL"]}
        assert container["healthCheck"]["timeout"] <= 60
        assert container["healthCheck"]["startPeriod"] <= 300


def test_terraform_gives_the_tasks_just_what_they_ask_for() -> None:
    given = set(
        re.findall(
            r"^    (\w+) +=",
            re.findall(r"container_definitions = templatefile\((.*?)\}\)", TEXT, re.DOTALL)[0],
            re.MULTILINE,
        )
    )
    asked = {name for path in TASKS for name in re.findall(r"\$\{(\w+)\}", path.read_text())}
    assert asked == given
    assert {path.stem for path in TASKS} == set(
        re.findall(r'"(\w+)"', re.findall(r"tasks = toset\(\[(.*?)\]", TEXT)[0])
    )
    script = (HERE / "terraform" / "instance.sh").read_text()
    wanted = set(re.findall(r"(?<!\$)\$\{(\w+)\}", script))
    assert wanted == {"cluster", "log_volume", "home_volume"}
    subprocess.run(["sh", "-n"], input=script, text=True, check=True, timeout=30)


def test_what_is_acknowledged_lies_on_a_volume_that_outlives_task_and_instance() -> None:
    assert re.findall(r"requires_compatibilities\s*=\s*(.*)", TEXT) == ['["EC2"]']
    assert re.findall(r"launch_type\s*=\s*(.*)", TEXT) == ['"EC2"']
    assert "ephemeral_storage" not in TEXT
    assert 'host_path = "/var/lib/flux"' in TEXT
    script = (HERE / "terraform" / "instance.sh").read_text()
    assert re.findall(r"^mount_at \$\{(\w+)\} (\S+)$", script, re.MULTILINE) == [
        ("home_volume", HOME),
        ("log_volume", f"{HOME}/log"),
    ]
    for volume in ("log", "home"):
        (block,) = re.findall(rf'resource "aws_ebs_volume" "{volume}" {{(.*?)^}}', TEXT, re.MULTILINE | re.DOTALL)
        assert "prevent_destroy = true" in block
