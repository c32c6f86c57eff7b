"""`flux docs`."""

from __future__ import annotations

import click

from orchestration.cli.output import examples, json_option, print_json, read_settings
from orchestration.errors import FluxError


@click.group(epilog=examples("flux docs build", "flux docs open"))
def command() -> None:
    """Build or open the docs of metrics and models."""


@command.command(epilog=examples("flux docs build", "flux docs build --restricted"))
@click.option(
    "--restricted", is_flag=True, help="Also show what is restricted, in a directory that you alone may open."
)
@json_option
def build(restricted: bool, as_json: bool) -> int:
    """Build the docs: a page for each metric, model and source, with search and lineage.

    From the models' project and what is published; before the first build they say that nothing was built yet. They
    stand beside the dashboards, which link to them.
    """
    from orchestration import models
    from orchestration.walk import documenting

    settings = read_settings()
    report = documenting.build_docs(settings, models.prepare(settings), restricted=restricted)
    if as_json:
        print_json(
            {
                "index": str(report.index),
                "pages": report.pages,
                "bytes": report.bytes,
                "seconds": report.seconds,
            }
        )
    else:
        click.echo(f"{report.pages} pages, {report.bytes:,} bytes in {report.seconds:.1f} s: {report.index}")
    return 0


@command.command("open", epilog=examples("flux docs open"))
def open_docs() -> int:
    """Open the docs in a browser.

    They open from disk; no server is needed. Under 'flux up' they stand at /docs/ of the dashboards.
    """
    from orchestration.walk import documenting

    index = documenting.index_of(read_settings())
    if not index.exists():
        raise FluxError(f"there are no docs at {str(index)!r} yet; run 'flux demo' or 'flux docs build'")
    click.echo(index.as_uri())
    click.launch(index.as_uri())
    return 0
