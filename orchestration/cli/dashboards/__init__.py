"""`flux dashboards`: one set of definitions, on a static site and in Metabase."""

from __future__ import annotations

import click

from orchestration.cli.dashboards import entry, metabase, site
from orchestration.cli.output import examples


@click.group(epilog=examples("flux dashboards build", "flux dashboards open", "flux dashboards plan"))
def command() -> None:
    """Build, open or serve the dashboards, or bring them into a Metabase."""


for one in (site.build, site.open_site, site.serve):
    command.add_command(one)
for one in (metabase.validate, metabase.plan, metabase.diff, metabase.apply, metabase.prune, metabase.export_yaml):
    command.add_command(one)
for one in (entry.set_up, entry.adopt, entry.embed):
    command.add_command(one)
