"""`flux restore`."""

from __future__ import annotations

from pathlib import Path

import click

from orchestration.cli.output import examples, json_option, print_json, read_settings
from orchestration.screen import Screen


@click.command(epilog=examples("FLUX_HOME=/var/lib/flux flux restore --from /backup/flux/2026-11-27"))
@click.option(
    "--from",
    "directory",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="What 'flux backup' made.",
)
@json_option
def command(directory: Path, as_json: bool) -> int:
    """Put a backup into an empty FLUX_HOME, and never over something.

    Every file is held against its hash before anything takes its place. Killed, the same command goes on. Afterwards
    'flux replicate --until-now' brings what the source has since. A slot that was read beyond the restored log cannot
    be gone on with: then every table is copied again, the histories get the differences, and the interval stands in
    _flux.history_gaps. Events that were accepted after the backup are not in it.
    """
    from orchestration.backup import restore

    settings = read_settings()
    with Screen() as screen, screen.step("restore", "bytes") as step:
        done = restore(settings, directory, lambda what, size: step.update(size, note=what.partition("/")[0]))
    if as_json:
        print_json(
            {
                "home": str(settings.home),
                "files": len(done.files),
                "bytes": done.size_bytes,
                "captured_lsn": done.captured_lsn,
                "loaded_lsn": done.loaded_lsn,
                "made_at": done.made_at,
            }
        )
    else:
        click.echo(
            f"{len(done.files):,} files, {done.size_bytes:,} bytes, of {done.made_at}, are in {str(settings.home)!r}; "
            f"log up to {done.captured_lsn}. Next: flux replicate --until-now, flux build, flux verify"
        )
    return 0
