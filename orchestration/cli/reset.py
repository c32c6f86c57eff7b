"""`flux reset`."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from orchestration.cli.output import examples, read_settings
from orchestration.errors import FluxError
from orchestration.settings import Settings

# What Flux makes below its home; anything else that lies there is somebody else's and stays.
OURS = (
    *(
        "log",
        "warehouse.duckdb",
        "warehouse.duckdb.wal",
        "warehouse.duckdb.tmp",
        ".warehouse.duckdb.replay",
        ".warehouse.duckdb.replay.wal",
        ".warehouse.duckdb.replay.tmp",
        "warehouse.lock",
        "warehouse.waiting",
        "capture.lock",
        "up.lock",
        "stand-in.lock",
        "backup.lock",
        "restore.partial",
    ),
    *("status.json", "published", "site", "quality", "datasets", "postgres", "dagster", "dbt", "logs"),
)


@click.command(epilog=examples("flux reset", "flux reset --yes"))
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(yes: bool) -> int:
    """Remove what Flux made, and nothing else.

    Removes the state below FLUX_HOME, with the stand-in product. A real source keeps its tables, and so that its disk
    does not fill, Flux's replication slot and publication there are named with the statements that drop them.
    """
    settings = read_settings()
    found = [settings.home / name for name in OURS if (settings.home / name).exists()]
    found += sorted(settings.home.glob("warehouse.before-*.duckdb*"))  # what replays put aside
    if not found:
        click.echo(f"nothing of Flux is at {str(settings.home)!r}")
        return 0
    click.echo(f"this removes from {str(settings.home)!r}: {', '.join(path.name for path in found)}")
    if not yes and not click.confirm("remove it"):
        return 1
    _require_idle(settings)
    _remove_stand_in(settings)
    for path in found:
        _remove(path)
    if not any(settings.home.iterdir()):
        settings.home.rmdir()
    click.echo("removed")
    if settings.source_url is not None:
        click.echo(
            "the source still holds the slot and the publication; there, when nobody else uses them:\n"
            f"  select pg_drop_replication_slot('{settings.slot}');\n"
            f'  drop publication "{settings.publication}";'
        )
    return 0


def _require_idle(settings: Settings) -> None:
    from ingestion.warehouse.lease import lease_holder
    from orchestration.locks import holder, sole

    for lock in (settings.up_lock, settings.capture_lock):
        with sole(lock) as free:
            if not free:
                raise FluxError(f"Flux is running ({holder(lock)}); stop it first, then reset")
    owner = lease_holder(settings.home)
    if owner is not None:
        raise FluxError(f"the warehouse is held by {owner}; stop that first, then reset")


def _remove_stand_in(settings: Settings) -> None:
    if settings.stand_in_directory.exists():
        from demo.server import Server

        Server(settings.stand_in_directory).remove()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        # Datasets are written read-only; the owner may still remove them.
        for folder in path.rglob("*"):
            if folder.is_dir() and not folder.is_symlink():
                folder.chmod(0o700)
        path.chmod(0o700)
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
