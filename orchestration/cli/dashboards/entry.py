"""`flux dashboards`, the ways into a Metabase: set-up, adopt, embed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from orchestration.cli.output import examples, json_option, print_json, read_settings
from orchestration.screen import Screen


@click.command("set-up", epilog=examples("flux dashboards set-up", "flux dashboards set-up --wait 600"))
@click.option(
    "--wait", default=300.0, show_default=True, help="Most seconds for its start, and for its look at the tables."
)
@json_option
def set_up(wait: float, as_json: bool) -> int:
    """Bring an empty Metabase to where dashboards can be applied; again is harmless.

    Waits until the one at FLUX_METABASE_URL is well, makes the first administrator (FLUX_METABASE_ADMIN_EMAIL and
    FLUX_METABASE_ADMIN_PASSWORD_FILE) and an API key (written to FLUX_METABASE_API_KEY_FILE), adds the database
    (FLUX_METABASE_DATABASE_URL) under the name FLUX_METABASE_DATABASE, and lets Metabase read its tables.
    """
    from orchestration.walk import metabase_entry

    with Screen() as screen, screen.step("Metabase", "") as step:
        ready = metabase_entry.prepare(read_settings(), wait_seconds=wait, say=lambda what: step.update(0, None, what))
    if as_json:
        print_json({"version": ready.version, "made": list(ready.made), "tables": ready.tables})
    else:
        click.echo(
            f"Metabase {ready.version} is ready, {ready.tables} tables are known;"
            f" {'made: ' + ', '.join(ready.made) if ready.made else 'nothing was missing'}"
        )
    return 0


@click.command(epilog=examples(
    'flux dashboards adopt 12 --key pipeline --owner "Talent acquisition"',
    "flux dashboards adopt https://metabase.example.com/dashboard/12 --key overview",
    'flux dashboards adopt 12 --key pipeline --without "Period"',
))  # fmt: skip
@click.argument("dashboard")
@click.option("--key", required=True, help="The dashboard's key: the name of its file.")
@click.option("--owner", default="Nobody yet", show_default=True, help="Who answers for it.")
@click.option("--audience", default="analysts", show_default=True, help="For whom it is.")
@click.option(
    "--without", multiple=True, metavar="FILTER", help="A filter that does not come along, by name; may be given again."
)
@click.option("--into", "directory", type=click.Path(file_okay=False, exists=True, path_type=Path),
              help="Directory of the definitions; default: that of Flux itself.")  # fmt: skip
@json_option
def adopt(
    dashboard: str,
    key: str,
    owner: str,
    audience: str,
    without: tuple[str, ...],
    directory: Path | None,
    as_json: bool,
) -> int:
    """Take DASHBOARD, which somebody made in Metabase, into a definition: number or address.

    A card (card:NUMBER, or its address) is taken into the dashboard KEY, which is there already: at its end.

    Filters that choose one value of a column come along; ranges of dates and the like cannot, see --without.

    Writes KEY.yaml and a SQL file for each card, and marks the dashboard as Flux's; nothing else there is touched.
    Where KEY is a definition already, the dashboard becomes that one's, and its cards by their titles. What Flux would
    do otherwise than it is there, 'flux dashboards plan' tells afterwards.
    """
    from orchestration import models
    from orchestration.walk import metabase_entry
    from orchestration.walk.readers import DEFINITIONS

    settings = read_settings()
    done = metabase_entry.adopt(
        settings,
        models.prepare(settings),
        dashboard,
        key=key,
        owner=owner,
        audience=audience,
        directory=directory or DEFINITIONS,
        without=without,
    )
    if as_json:
        print_json(
            {
                "key": done.key,
                "number": done.number,
                "cards": done.cards,
                "files": [str(path) for path in done.files],
                "left": list(done.left),
                "dropped": list(done.dropped),
            }
        )
        return 0
    for path in done.files:
        click.echo(f"+ {path}")
    for name in done.left:
        click.echo(f"  {name!r} stays there as it is, and is not Flux's")
    for name in done.dropped:
        click.echo(f"  the filter {name!r} does not come along; 'flux dashboards apply' takes it away there")
    click.echo(f"dashboard {done.number} is {done.key!r} now, with {done.cards} cards; see 'flux dashboards plan'")
    return 0


@click.command(epilog=examples("flux dashboards embed hiring_funnel --client acme --minutes 10"))
@click.argument("key")
@click.option("--client", required=True, metavar="SLUG", help="The client, by its client_slug.")
@click.option("--minutes", default=10.0, show_default=True, help="How long the address is valid, a day at most.")
def embed(key: str, client: str, minutes: float) -> int:
    """Print an address of the dashboard KEY for the client's own people, to be shown in a frame of their page.

    It is signed with FLUX_METABASE_EMBEDDING_SECRET_FILE: the client's number in it cannot be changed, and all cards
    obey it. Whoever has the address sees the dashboard until it expires. access.yaml says which may be embedded.
    """
    from orchestration import models
    from orchestration.walk import metabase_entry

    settings = read_settings()
    click.echo(
        metabase_entry.embed(settings, models.prepare(settings), key, client, valid_for=dt.timedelta(minutes=minutes))
    )
    return 0
