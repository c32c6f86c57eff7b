"""`flux dashboards`, the static site: build and open."""

from __future__ import annotations

import click

from orchestration.cli.output import examples, json_option, print_json, read_settings
from orchestration.errors import FluxError


@click.command(epilog=examples("flux dashboards build", "flux dashboards build --page hiring_funnel"))
@click.option("--page", "pages", multiple=True, help="Build this page only; may be given several times.")
@json_option
def build(pages: tuple[str, ...], as_json: bool) -> int:
    """Build the site from the published warehouse, and the docs that its numbers link to.

    Exit code 1 when a card's query or expectation fails; its page then says so and keeps its last good version.
    """
    from orchestration import models
    from orchestration.walk import documenting, readers

    settings = read_settings()
    manifest = models.prepare(settings)
    documenting.build_docs(settings, manifest, linked=True)
    report = readers.build_site(settings, manifest, only=pages or None)
    if as_json:
        print_json(
            {
                "index": str(report.index),
                "pages": [page.key for page in report.pages],
                "cards": report.cards,
                "seconds": report.seconds,
                "failures": [str(failure) for failure in report.failures],
            }
        )
    else:
        click.echo(f"{len(report.pages)} pages, {report.cards} cards in {report.seconds:.1f} s: {report.index}")
        for failure in report.failures:
            click.echo(f"error: card {failure.card}: {failure.expectation}: {failure.message}", err=True)
    return 1 if report.failures else 0


@click.command("open", epilog=examples("flux dashboards open", "flux dashboards open --metabase overview"))
@click.option("--metabase", metavar="KEY", help="The dashboard KEY in the Metabase at FLUX_METABASE_URL instead.")
def open_site(metabase: str | None) -> int:
    """Open the site in a browser.

    It opens from disk; no server is needed.
    """
    settings = read_settings()
    if metabase is not None:
        from orchestration.walk import metabase as walk

        address = walk.address(settings, metabase)
    else:
        index = settings.site_directory / "index.html"
        if not index.exists():
            raise FluxError(f"there is no site at {str(index)!r} yet; run 'flux demo' or 'flux dashboards build'")
        address = index.as_uri()
    click.echo(address)
    click.launch(address)
    return 0
