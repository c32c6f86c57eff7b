"""`flux dashboards`, a Metabase: validate, plan, diff, apply, prune."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestration.cli.output import examples, json_option, print_json, read_settings
from orchestration.screen import Screen

if TYPE_CHECKING:
    from dashboards.metabase.plan import Change, FieldChange
    from orchestration.walk.metabase import Deployment

_SIGNS = {"create": "+", "update": "~", "note": "="}


@click.command(epilog=examples("flux dashboards validate"))
@json_option
def validate(as_json: bool) -> int:
    """Check the definitions: keys, layout, references, SQL, and that only marts and reporting are read.

    Needs neither a warehouse nor a Metabase. Exit code 1 at a mistake, which is told with file, line and repair.
    """
    from orchestration import models
    from orchestration.walk import metabase

    counts = metabase.validate(models.prepare(read_settings()))
    if as_json:
        print_json(counts)
    else:
        click.echo(
            f"{counts['dashboards']} dashboards with {counts['cards']} cards and {counts['queries']} queries: sound"
        )
    return 0


@click.command(epilog=examples("flux dashboards plan", "flux dashboards plan --json"))
@json_option
def plan(as_json: bool) -> int:
    """Say what `apply` would do to the Metabase at FLUX_METABASE_URL, and why.

    Exit code 0 when there is nothing to do, 2 when there is, 1 on failure. Writes nothing.
    """
    deployment = _deployment()
    _tell(deployment, as_json)
    return 2 if deployment.plan.changes else 0


@click.command(epilog=examples("flux dashboards diff", "flux dashboards diff --only card:applications"))
@click.option("--only", help="This item only, as `plan` names it.")
def diff(only: str | None) -> int:
    """Show each field that differs, there and here, as a text diff; exit code 2 when any does."""
    deployment = _deployment()
    shown = [change for change in deployment.plan.changes if only in (None, change.item.id)]
    for change in shown:
        click.echo(_line(change))
        for one in change.fields:
            for line in _lines(one):
                click.echo(f"    {line}")
    return 2 if shown else 0


@click.command(epilog=examples("flux dashboards apply", "flux dashboards apply --overwrite-edits"))
@click.option("--overwrite-edits", is_flag=True, help="Write over what was edited in Metabase.")
@json_option
def apply(overwrite_edits: bool, as_json: bool) -> int:
    """Bring the Metabase to what the definitions say, then run every card there.

    Stops before the first write where somebody edited in Metabase what would be written over. Touches only what Flux
    made; archives and never deletes. May be run again at any time. Exit code 1 when a card does not run.
    """
    from orchestration.walk import metabase

    deployment = _deployment()
    with Screen() as screen, screen.step("Metabase", "items") as step:
        done = metabase.apply(
            deployment, overwrite=overwrite_edits, progress=lambda what, number, total: step.update(number, total, what)
        )
    if as_json:
        print_json(
            {
                "created": done.created,
                "updated": done.updated,
                "cards_run": done.ran,
                "broken": [{"dashboard": one.dashboard, "card": one.card, "url": one.url} for one in done.broken],
            }
        )
    else:
        click.echo(f"{len(done.created)} made, {len(done.updated)} changed; {done.ran} cards run there")
    for one in done.broken:
        of = f" of {one.dashboard!r}" if one.dashboard else ""
        click.echo(f"error: card {one.card!r}{of} does not run there; its words are at {one.url}", err=True)
    return 1 if done.broken else 0


@click.command(epilog=examples("flux dashboards prune", "flux dashboards prune --yes"))
@click.option("--yes", is_flag=True, help="Archive them; without it they are listed.")
@json_option
def prune(yes: bool, as_json: bool) -> int:
    """Archive what Flux made in the Metabase and nothing defines any more; it can be restored there.

    Without --yes: list them, exit code 2 when there are any.
    """
    from orchestration.walk import metabase

    deployment = _deployment()
    names = [one.id for one in deployment.plan.unneeded]
    if yes:
        with Screen() as screen, screen.step("Metabase", "items") as step:
            names = metabase.prune(deployment, lambda what, number, total: step.update(number, total, what))
    if as_json:
        print_json({"archived" if yes else "unneeded": names})
    else:
        for name in names:
            click.echo(f"{'archived' if yes else '-'} {name}")
        if not names:
            click.echo("nothing of ours there is undefined")
    return 2 if names and not yes else 0


@click.command("export-yaml", epilog=examples("flux dashboards export-yaml metabase/"))
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--engine", type=click.Choice(["postgres", "duckdb"]), default="postgres", show_default=True,
              help="What Metabase reads the published models with.")  # fmt: skip
@json_option
def export_yaml(directory: Path, engine: str, as_json: bool) -> int:
    """Write the dashboards into DIRECTORY as Metabase's own YAML, for an edition that imports it.

    Serialization belongs to Metabase's paid editions; `apply` needs none. No server is asked.
    """
    from orchestration import models
    from orchestration.walk import metabase

    settings = read_settings()
    files = metabase.export(settings, models.prepare(settings), directory, engine)
    if as_json:
        print_json({"directory": str(directory), "files": len(files)})
    else:
        click.echo(f"{len(files)} files below {directory}")
    return 0


def _deployment() -> Deployment:
    from orchestration import models
    from orchestration.walk import metabase

    settings = read_settings()
    return metabase.open_deployment(settings, models.prepare(settings))


def _tell(deployment: Deployment, as_json: bool) -> None:
    plan = deployment.plan
    if as_json:
        print_json(
            {
                "changes": [
                    {
                        "item": change.item.id,
                        "action": change.action,
                        "fields": [{"name": one.name, "cause": one.cause} for one in change.fields],
                    }
                    for change in plan.changes
                ],
                "unneeded": [one.id for one in plan.unneeded],
                "foreign": [{"dashboard": one.dashboard, "title": one.title} for one in plan.foreign],
                "adoptable": [
                    {"dashboard": one.dashboard, "name": one.name, "number": one.number} for one in plan.strangers
                ],
                "exposed": list(plan.exposed),
                "unread": list(deployment.unread),
                "absent": list(deployment.absent),
            }
        )
        return
    for change in plan.changes:
        click.echo(_line(change))
        for field in change.fields:
            click.echo(f"    {field.name}: {field.words}")
    for unneeded in plan.unneeded:
        click.echo(f"- {unneeded.id}: defined no more; 'flux dashboards prune' archives it")
    for other in plan.foreign:
        click.echo(f"  {other.dashboard}: {other.title!r} was placed there by somebody; it stays")
    for words in plan.exposed:
        click.echo(f"! {words}; 'apply' leaves that alone, an administrator ends it there")
    for one in plan.strangers:
        click.echo(
            f"  {one.name!r} is there already and not Flux's; 'apply' makes another,"
            f" 'flux dashboards adopt {one.number} --key {one.dashboard}' makes it ours"
        )
    if deployment.absent:
        click.echo(
            f"  no account there, so in no group: {', '.join(deployment.absent)};"
            " invite them (Admin, People), then apply again"
        )
    if deployment.unread:
        names = ", ".join(deployment.unread[:5]) + (", ..." if len(deployment.unread) > 5 else "")
        click.echo(
            f"  {len(deployment.unread)} models are not known there, so nothing is told of them: {names};"
            " 'flux dashboards set-up' lets Metabase read the tables anew"
        )
    made = sum(change.action == "create" for change in plan.changes)
    if plan.changes:
        click.echo(f"{made} to make, {len(plan.changes) - made} to change; 'flux dashboards diff' shows the texts")
    else:
        click.echo("the Metabase is as the definitions say")


def _line(change: Change) -> str:
    return f"{_SIGNS[change.action]} {change.item.id}"


def _lines(one: FieldChange) -> Iterator[str]:
    """Write a field's change as a text diff."""
    yield f"{one.name}: {one.words}"
    there, wanted = _text(one.there).splitlines(), _text(one.wanted).splitlines()
    yield from difflib.unified_diff(there, wanted, "in Metabase", "in the definitions", lineterm="", n=2)


def _text(value: Any) -> str:  # Any: JSON
    return value if isinstance(value, str) else json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)
