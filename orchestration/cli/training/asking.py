"""The options by which a specification is asked for otherwise than it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Command = Callable[..., Any]  # Any: what click decorates


def out_option(command: Command) -> Command:
    """Offer another directory than the settings' for the datasets."""
    return click.option(
        "--out", type=click.Path(file_okay=False, path_type=Path), help="Write below this directory; unset: FLUX_HOME."
    )(command)


def asking_options(command: Command) -> Command:
    """Offer --seed, --horizon and --labels."""
    for option in (
        click.option("--labels", help="Only these labels, by commas."),
        click.option("--horizon", help="Only rows of this long before, as 180d."),
        click.option("--seed", type=int, help="Draw negatives and entities by this seed."),
    ):
        command = option(command)
    return command


def names(text: str | None) -> tuple[str, ...] | None:
    """Split names at commas."""
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())
