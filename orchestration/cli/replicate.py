"""`flux replicate`."""

from __future__ import annotations

import click

from orchestration.cli.output import examples, json_option, print_json, read_settings
from orchestration.cli.stopping import stop_on_signals
from orchestration.screen import Screen

INEXACT = 3


@click.command(
    epilog=examples(
        "FLUX_SOURCE_URL=postgresql://flux@db/app flux replicate --until-now",
        "flux replicate --again public.orders",
        "flux replicate --follow",
    )
)
@click.option("--until-now", "mode", flag_value="now", default="now", help="Bring what is there now, publish, return.")
@click.option("--follow", "mode", flag_value="follow", help="Capture and load until Ctrl-C.")
@click.option(
    "--again", multiple=True, metavar="SCHEMA.TABLE", help="Copy this table anew; may be given several times."
)
@click.option("--new-source", is_flag=True, help="Go on with another server (major upgrade, restored dump): copy all.")
@json_option
def command(mode: str, again: tuple[str, ...], new_source: bool, as_json: bool) -> int:
    """Bring the source's tables into the warehouse.

    The first run copies every table; later runs bring what committed since. It may be run again at any time and killed
    at any time. A table that is copied anew keeps its rows until the copy is whole; its history gets the differences.
    Exit code: 0 everything that had committed is visible and published; 3 a table is inexact; 1 failed.
    """
    if mode == "follow":
        if again or new_source:
            raise click.UsageError("--again and --new-source go with --until-now; a capture that runs beside it hears")
        return _follow()
    from orchestration.status import read_status
    from orchestration.walk import loading, readers

    settings = read_settings()
    with Screen() as screen:
        with screen.step("capture and load") as step:
            loaded = loading.replicate(
                settings,
                again=again,
                new_source=new_source,
                say=screen.say,
                progress=lambda what, rows: step.update(rows, note=what),
            )
        if settings.is_read_in_place:
            where = "committed in the warehouse"  # whose readers see each commit whole
        else:
            with screen.step("publish") as step:
                report = readers.publish(settings)
                step.update(report.rows)
            where = f"published at {report.target}"
    status = read_status(settings.status_path)
    assert status is not None
    inexact = [table.source for table in status.tables if table.state not in ("streaming", "stopped")]
    if as_json:
        print_json({"lsn": loaded.lsn, "tables": len(status.tables), "inexact": inexact, "seconds": loaded.seconds})
    else:
        rows = sum(table.rows for table in status.tables)
        click.echo(f"{len(status.tables)} tables, {rows:,} rows, at {loaded.lsn}; {where}")
    if inexact:
        click.echo(f"error: not exact: {', '.join(inexact)}; 'flux status' tells why", err=True)
        return INEXACT
    return 0


def _follow() -> int:
    import threading

    from orchestration.walk import loading
    from orchestration.walk.product import product

    settings = read_settings()
    failures: list[BaseException] = []
    with stop_on_signals() as stop, product(settings) as source:

        def load() -> None:
            try:
                loading.loader(settings).follow(stop)
            except BaseException as error:
                failures.append(error)
            finally:
                stop.set()  # whoever runs this starts it again, as it would a loader of its own

        thread = threading.Thread(target=load, name="loader")
        thread.start()
        try:
            click.echo("following the source; Ctrl-C ends it", err=True)
            loading.follow_source(settings, source, stop)
        finally:
            stop.set()
            thread.join()
    if failures:
        raise failures[0]
    return 0
