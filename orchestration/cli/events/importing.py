"""`flux events import`."""

from __future__ import annotations

from pathlib import Path

import click

from orchestration.cli.output import examples, json_option, print_json, read_settings
from orchestration.screen import Screen


@click.command(
    epilog=examples(
        "flux events import 'segment-logs/**/*.gz'",
        "flux events import archive/2026-11.json.gz --source web",
        "flux events import candidates.csv --mapping candidates.yaml",
    )
)
@click.argument("paths", metavar="PATH|GLOB...", nargs=-1, required=True)
@click.option("--source", default="default", show_default=True, help="The source that the events belong to.")
@click.option(
    "--mapping",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The files are a vendor's objects, CSV or JSON; this YAML says which.",
)
@click.option("--again", is_flag=True, help="Read files that were imported before, too.")
@click.option("--no-load", is_flag=True, help="Leave the events in the log, for the loader or 'flux load'.")
@json_option
def command(
    paths: tuple[str, ...], source: str, mapping: Path | None, again: bool, no_load: bool, as_json: bool
) -> int:
    """Import archives of Segment calls, or with --mapping a vendor's objects.

    Archives are NDJSON, one whole call a line, gzipped or not, as Segment writes them to S3; a directory stands for all
    files in it. They go into the log beside live events, collector running or not, and are loaded; times are taken as
    given, and what is there already is dropped by its id. A killed import goes on where it was; broken lines go to
    quarantine with file and line. Exit code 1 when a file is broken.
    """
    from orchestration.walk import importing

    settings = read_settings()
    files = importing.find(paths)
    total = sum(file.stat().st_size for file in files)
    with Screen() as screen:
        if mapping is not None:
            with screen.step("objects") as step:
                told = importing.import_objects(settings, files, mapping, again=again, progress=step.update)
            if as_json:
                print_json({"objects": [one.to_json() for one in told]})
            for one in told if not as_json else ():
                click.echo(str(one))
            return 0
        with screen.step("import", unit="bytes") as step:
            done = importing.import_events(
                settings,
                files,
                source,
                again=again,
                progress=lambda read, lines: step.update(read, total, note=f"{lines:,} events"),
            )
        ledger = None
        if not no_load:
            with screen.step("load") as step:
                ledger = importing.load(settings, progress=lambda what, rows: step.update(rows, note=what))
    if as_json:
        document = {"files": done.files, "known_files": done.known_files, "lines": done.lines}
        print_json({**document, "broken": list(done.broken), "events": ledger})
    else:
        known = f", {done.known_files:,} files were imported before (--again reads them)" if done.known_files else ""
        click.echo(f"{done.lines:,} lines of {done.files:,} files into the log{known}")
    for text in done.broken:
        click.echo(f"error: {text}", err=True)
    return 1 if done.broken else 0
