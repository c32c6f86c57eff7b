"""`flux build`."""

from __future__ import annotations

import click

from orchestration.cli.output import examples, json_option, print_json, read_settings
from orchestration.screen import Screen


@click.command(
    epilog=examples("flux build", "flux build --select +rpt_time_to_fill_weekly", "flux build --full-refresh")
)
@click.option(
    "--select", multiple=True, metavar="SELECTOR", help="Build these nodes, in dbt's words; may be given several times."
)
@click.option("--full-refresh", is_flag=True, help="Make kept facts anew from all rows.")
@json_option
def command(select: tuple[str, ...], full_refresh: bool, as_json: bool) -> int:
    """Build the models with their tests on what is loaded, and publish them.

    Records a cut and builds on it; loads nothing. Builds nothing on a table that is not exact or did not land as
    promised, and publishes nothing when a model, a test or an outgoing check failed: readers keep what they have.
    Dagster, which builds by itself under `flux up`, does not hear of it.
    """
    from orchestration.errors import BuildError
    from orchestration.models import first_failure
    from orchestration.walk import building, readers

    settings = read_settings()
    with Screen() as screen:
        with screen.step("landing checks", unit=""):
            warnings = building.refuse_what_broke_its_promise(settings)
        with screen.step("models and tests", unit="") as step:
            built = building.build_models(
                settings,
                select=select,
                full_refresh=full_refresh,
                anew=bool(select),
                say=lambda text: step.update(0, note=text),
            )
            if not built.results:
                raise BuildError(
                    f"no model is named by {' '.join(select)!r}; dbt's words: NAME, +NAME, NAME+, tag:NAME"
                )
            if failure := first_failure(built.results):
                raise BuildError(f"{failure}; nothing was published")
            warnings += building.warnings(built.results)
        with screen.step("outgoing checks", unit=""):
            warnings += building.refuse_what_must_not_leave(settings)
        with screen.step("publish") as step:
            published = readers.publish(settings)
            step.update(published.rows)
    nodes = building.counts(built.results)
    if as_json:
        at = {"rows": published.rows, "at": published.target}
        print_json({"cut": built.cut_id, "nodes": nodes, "warnings": warnings, "published": at})
    else:
        told = ", ".join(f"{count:,} {what}" for what, count in nodes.items())
        click.echo(f"cut {built.cut_id}: {told}; published at {published.target}")
        for warning in warnings:
            click.echo(f"warning: {warning}", err=True)
    return 0
