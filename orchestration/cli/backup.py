"""`flux backup`."""

from __future__ import annotations

from pathlib import Path

import click

from orchestration.cli.output import examples, json_option, print_json, read_settings
from orchestration.screen import Screen


@click.command(
    epilog=examples("flux backup --to /backup/flux/2026-11-27", "flux backup --check /backup/flux/2026-11-27")
)
@click.option(
    "--to", "target", type=click.Path(path_type=Path, file_okay=False), help="A new directory, on another disk."
)
@click.option(
    "--check", "checked", type=click.Path(path_type=Path, file_okay=False), help="Look at a backup, whole or not."
)
@json_option
def command(target: Path | None, checked: Path | None, as_json: bool) -> int:
    """Back up log, warehouse and Dagster's storage while everything runs.

    Training sets and write keys go along. Loads and builds wait while the warehouse is copied; capture and collector go
    on. Killed, the same command goes on where it was. The backup is personal data, as FLUX_HOME is: its directory is
    its owner's alone. Each file has its SHA-256 in manifest.json; --check reads all of it again.
    """
    from orchestration.backup import back_up, check

    if (target is None) == (checked is None):
        raise click.UsageError("one of --to DIR and --check DIR is wanted")
    with Screen() as screen, screen.step("check" if checked else "backup", "bytes") as step:
        hear = lambda what, size: step.update(size, note=what.partition("/")[0])  # noqa: E731
        found = check(checked, hear) if checked is not None else back_up(read_settings(), target or Path(), hear)
    if as_json:
        print_json(
            {
                "directory": str(target or checked),
                "files": len(found.files),
                "bytes": found.size_bytes,
                "captured_lsn": found.captured_lsn,
                "loaded_lsn": found.loaded_lsn,
                "lease_seconds": found.lease_seconds,
                "made_at": found.made_at,
            }
        )
    else:
        click.echo(
            f"{len(found.files):,} files, {found.size_bytes:,} bytes, of {found.made_at}; "
            f"log up to {found.captured_lsn}, warehouse up to {found.loaded_lsn}; "
            f"loads waited {found.lease_seconds:.1f} s" + ("; every hash agrees" if checked else "")
        )
    return 0
