"""`flux dashboards`, the static sites: build, open and serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from orchestration.cli.output import examples, json_option, print_json, read_settings
from orchestration.errors import FluxError

if TYPE_CHECKING:
    from orchestration.settings import Settings

_audience = click.option(
    "--audience", default="analysts", show_default=True, help="Whose site; dashboards/definitions/audiences.yaml."
)


@click.command(epilog=examples("flux dashboards build", "flux dashboards build --audience leadership"))
@click.option("--audience", "audiences", multiple=True, help="Build this audience's site only; may be given again.")
@click.option("--page", "pages", multiple=True, help="Build this page only; may be given again.")
@json_option
def build(audiences: tuple[str, ...], pages: tuple[str, ...], as_json: bool) -> int:
    """Build the site of each audience from the published warehouse, and the docs that its numbers link to.

    Exit code 1 when a card's query or expectation fails; its page then says so and keeps its last good version.
    """
    from orchestration import models
    from orchestration.walk import documenting, sites

    settings = read_settings()
    manifest = models.prepare(settings)
    documenting.build_docs(settings, manifest, linked=True)
    built = list(sites.build_sites(settings, manifest, audiences=audiences or None, only=pages or None))
    failures = [failure for _, report in built for failure in report.failures]
    if as_json:
        print_json(
            {
                "index": str(built[0][1].index),
                "sites": [
                    {
                        "audience": audience.key,
                        "index": str(report.index),
                        "pages": [page.key for page in report.pages],
                        "cards": report.cards,
                        "seconds": report.seconds,
                        "kept": [page.key for page in report.pages if page.failures and page.kept],
                        "slow": {card: seconds for page in report.pages for card, seconds in page.slow.items()},
                    }
                    for audience, report in built
                ],
                "failures": [str(failure) for failure in failures],
            }
        )
        return 1 if failures else 0
    for audience, report in built:
        made = f"{len(report.pages)} pages, {report.cards} cards in {report.seconds:.1f} s"
        click.echo(f"{audience.title}: {made}: {report.index}")
        for page in report.pages:
            for card, seconds in page.slow.items():
                click.echo(f"warning: card {card} took {seconds:.1f} s, over its budget", err=True)
    for page in (page for _, report in built for page in report.pages if page.failures):
        for failure in page.failures:
            click.echo(f"error: card {failure.card}: {failure.expectation}: {failure.message}", err=True)
        if page.kept:
            click.echo(f"page {page.key} stays as it was last good, and says why: {page.path}", err=True)
    return 1 if failures else 0


@click.command("open", epilog=examples("flux dashboards open", "flux dashboards open --metabase overview"))
@_audience
@click.option("--metabase", metavar="KEY", help="The dashboard KEY in the Metabase at FLUX_METABASE_URL instead.")
def open_site(audience: str, metabase: str | None) -> int:
    """Open a site in a browser.

    It opens from disk; no server is needed.
    """
    settings = read_settings()
    address = _on_disk(settings, audience) if metabase is None else _in_metabase(settings, metabase)
    click.echo(address)
    click.launch(address)
    return 0


def _on_disk(settings: Settings, audience: str) -> str:
    from orchestration.walk import sites

    index = sites.index_of(settings, audience)
    if not index.exists():
        raise FluxError(f"there is no site at {str(index)!r} yet; run 'flux demo' or 'flux dashboards build'")
    return index.as_uri()


def _in_metabase(settings: Settings, key: str) -> str:
    from orchestration.walk import metabase

    return metabase.address(settings, key)


@click.command(epilog=examples("flux dashboards serve", "flux dashboards serve --audience leadership --port 8080"))
@_audience
@click.option("--port", type=int, help="Port; default: FLUX_SITE_PORT.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at; it knows no login.")
def serve(audience: str, port: int | None, host: str) -> int:
    """Serve a site on loopback until stopped.

    Whoever reaches the address (on loopback: whoever may log in to this machine) can read what is served, so a site of
    what is restricted is not: open it from disk.
    """
    from orchestration import site_server
    from orchestration.cli.stopping import stop_on_signals
    from orchestration.walk import sites

    settings = read_settings()
    if sites.chosen(sites.definitions(), audience).is_private:
        raise FluxError(f"the site of {audience!r} shows what is restricted; open it from disk: flux dashboards open")
    port = settings.site_port if port is None else port
    click.echo(f"http://{host}:{port}/ (stop with Ctrl-C)")
    with stop_on_signals() as stop:
        site_server.serve(sites.index_of(settings, audience).parent, port, stop, host=host)
    return 0
