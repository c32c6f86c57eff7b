"""What the deployment's files are held against: the commands and settings of Flux."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click

from orchestration.cli.main import flux
from orchestration.settings import PREFIX, Settings, describe, secrets

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
HOME = "/var/lib/flux"
SETTINGS = {row["name"] for row in describe(Settings.read({}))} | {f"{name}_FILE" for name in secrets()}


def require_command(words: Sequence[str]) -> None:
    """Fail unless `flux WORDS` is a command with these options and arguments: click itself parses them."""
    command: click.Command = flux
    context = click.Context(flux, info_name="flux")
    left = list(words)
    while isinstance(command, click.Group) and left:
        found = command.get_command(context, left[0])
        assert found is not None, f"flux {' '.join(words)}"
        command, left = found, left[1:]
    command.make_context("flux", left, resilient_parsing=False).close()


def require_settings(variables: Mapping[str, object]) -> None:
    """Fail at a FLUX_* variable that is no setting."""
    ours = {name for name in variables if name.startswith(PREFIX)}
    assert ours <= SETTINGS


def named_settings(path: Path) -> Iterator[str]:
    """FLUX_* variables that a file names, in comments too."""
    yield from re.findall(rf"\b{PREFIX}[A-Z_]+\b", path.read_text())
