"""Compose for a single server: the specification, and Flux' own commands, settings and paths."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import compose_spec
import pytest
import yaml

from orchestration.settings import secrets
from tests.deploy.files import DEPLOY, HOME, ROOT, require_command, require_settings

HERE = DEPLOY / "compose"
COMPOSE: dict[str, Any] = yaml.safe_load((HERE / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("flux:")}
INCLUDED: dict[str, Any] = yaml.safe_load((DEPLOY / "metabase" / "compose.yaml").read_text())


def resolved() -> dict[str, Any]:
    """The file with its anchors resolved, and the defaults of its variables put in."""
    plain = {name: value for name, value in COMPOSE.items() if not name.startswith("x-")}
    text = re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", yaml.safe_dump(plain))
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def test_it_is_a_file_of_the_compose_specification() -> None:
    compose = compose_spec.PyCompose.from_yaml(yaml.safe_dump(resolved()))
    compose.validate()
    assert set(compose.service_names()) == set(SERVICES)


@pytest.mark.parametrize(
    ("before", "after"),
    [("read_only:", "readonly:"), ("unless-stopped", "sometimes"), ("interval: 30s", "interval: soon")],
)
def test_what_the_specification_does_not_know_would_be_noticed(before: str, after: str) -> None:
    text = yaml.safe_dump(resolved())
    assert before in text
    with pytest.raises(ValueError, match="services"):
        compose_spec.PyCompose.from_yaml(text.replace(before, after, 1))


def test_every_process_of_flux_runs_and_none_twice() -> None:
    words = [" ".join(service["command"]).split(" --")[0] for service in OURS.values()]
    assert sorted(words) == sorted(
        ["service capture", "collect", "load", "service code-server", "service daemon", "service web-server",
         "dashboards serve", "metrics", "alerts watch", "status"]
    )  # fmt: skip


@pytest.mark.parametrize("name", OURS)
def test_each_command_health_check_and_variable_is_one_of_flux(name: str) -> None:
    service = OURS[name]
    require_command(service["command"])
    require_settings(service["environment"])
    if not service["healthcheck"].get("disable"):
        kind, program, *words = service["healthcheck"]["test"]
        assert (kind, program) == ("CMD", "flux")
        assert words == ["service", "healthy", name]
        require_command(words)


@pytest.mark.parametrize("name", OURS)
def test_each_process_is_locked_up_and_shares_the_home_alone(name: str) -> None:
    service = OURS[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert service["environment"]["FLUX_HOME"] == HOME
    targets = [
        volume.split(":")[1] if volume.count(":") < 3 else volume.rsplit(":", 1)[1] for volume in service["volumes"]
    ]
    assert targets[:2] == [HOME, "/etc/flux"]
    assert service["volumes"][1].endswith(":ro")


def test_every_service_comes_back_has_time_to_end_and_is_asked_how_it_is() -> None:
    for name, service in SERVICES.items():
        if "profiles" in service:
            continue
        assert service["restart"] == "unless-stopped", name
        assert service["stop_grace_period"], name
        assert {"test", "interval", "timeout", "retries"} <= set(service["healthcheck"]), name
        assert service["logging"]["options"]["max-size"], name


def test_ports_are_on_loopback_and_meet_no_other() -> None:
    ports = [
        port
        for part in (COMPOSE, INCLUDED)
        for service in part["services"].values()
        for port in service.get("ports", [])
    ]
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert len({port.split(":")[1] for port in ports}) == len(ports)
    proxied = set(re.findall(r"reverse_proxy 127.0.0.1:(\d+)", (HERE / "Caddyfile.example").read_text()))
    assert proxied <= {port.split(":")[1] for port in ports}


def test_whom_a_process_asks_for_is_there() -> None:
    for service in OURS.values():
        for word in service["command"]:
            if ":" in word:
                host, port = word.split(":")
                assert port in OURS[host]["command"]
    assert not set(SERVICES) & set(INCLUDED["services"])
    assert not set(COMPOSE["volumes"]) & set(INCLUDED["volumes"])
    assert not set(COMPOSE["secrets"]) & set(INCLUDED["secrets"])
    assert [(HERE / path).resolve() for path in COMPOSE["include"]] == [DEPLOY / "metabase" / "compose.yaml"]


def test_secrets_are_files_and_stand_in_no_environment() -> None:
    for name, service in SERVICES.items():
        assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"]), name
        for variable, value in service["environment"].items():
            assert variable not in secrets(), name
            if re.search("PASSWORD|KEY", variable) or variable.removesuffix("_FILE") in secrets():
                assert variable.endswith("_FILE"), name
                assert str(value).removeprefix("/run/secrets/") in service["secrets"], name


def test_secrets_are_made_once_and_fit_together(tmp_path: Path) -> None:
    script = tmp_path / "make-secrets"
    script.write_text((HERE / "make-secrets").read_text())
    script.chmod(0o755)
    refused = subprocess.run([script], capture_output=True, text=True, timeout=30, check=False)
    assert refused.returncode == 1
    assert "name the product's Postgres" in refused.stderr
    for url in ("postgresql://flux:pw@db/product", "postgresql://other"):
        subprocess.run([script, url], check=True, timeout=30)
    made = {path.name: path.read_text().strip() for path in (tmp_path / "secrets").iterdir()}
    assert set(made) == set(COMPOSE["secrets"]) == {Path(one["file"]).name for one in COMPOSE["secrets"].values()}
    assert made["source_url"] == "postgresql://flux:pw@db/product"
    storage = SERVICES["dagster-storage"]["environment"]
    assert made["dagster_url"] == (
        f"postgresql://{storage['POSTGRES_USER']}:{made['dagster_password']}@dagster-storage:5432/{storage['POSTGRES_DB']}"
    )
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0
    ignored = (HERE / ".gitignore").read_text().splitlines()
    assert {"secrets/", "config/", "backups/"} <= set(ignored)


def test_images_are_pinned_and_ours_is_built_from_this_checkout() -> None:
    assert re.fullmatch(r"postgres:18\.\d+", SERVICES["dagster-storage"]["image"])
    built = [service["build"] for service in OURS.values() if "build" in service]
    assert [(HERE / build["context"]).resolve() for build in built] == [ROOT]
    assert (ROOT / built[0]["dockerfile"]).exists()
    version = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    assert {service["image"] for service in OURS.values()} == {f"flux:${{IMAGE_TAG:-{version[1]}}}"}
