"""The root command: the table of commands, the lazy lookup, and the outermost catch."""

from __future__ import annotations

import atexit
import importlib
import os
import sys
from collections.abc import Sequence

import click

from orchestration import exceptions
from orchestration.cli import failure

# name: (module, line in the list of commands). The lines stand here so that the list imports no command.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("orchestration.cli.demo", "Run the whole platform once on the stand-in product."),
    "up": ("orchestration.cli.up", "Run everything until Ctrl-C: capture, collector, loader, builds, dashboards."),
    "plan": ("orchestration.cli.plan", "Say what would be replicated, how, and what cannot."),
    "replicate": ("orchestration.cli.replicate", "Bring the source's tables into the warehouse."),
    "collect": (
        "orchestration.cli.collect",
        "Serve Segment's API at FLUX_COLLECT_HOST (loopback); write events to the log.",
    ),
    "load": ("orchestration.cli.load", "Load all that the log holds into the warehouse."),
    "build": ("orchestration.cli.build", "Build the models with their tests on what is loaded, and publish them."),
    "publish": ("orchestration.cli.publish", "Copy the published models into another Postgres, swapped in whole."),
    "status": (
        "orchestration.cli.status",
        "Show tables, positions, lag, slot, log, events, schema changes, quarantine.",
    ),
    "doctor": (
        "orchestration.cli.doctor",
        "Check everything from the source to the models, and say what to do.",
    ),
    "costs": (
        "orchestration.cli.costs",
        "Say what models and dashboards cost, which tables grow, which nobody reads, when the disk is full.",
    ),
    "alerts": ("orchestration.cli.alerts", "List what is wrong and was told, and what no channel has taken yet."),
    "metrics": ("orchestration.cli.metrics", "Print, serve or push the state as metrics: Prometheus, OpenTelemetry."),
    "events": (
        "orchestration.cli.events",
        "Watch events, and bring in those of quarantine, log, archives and vendors.",
    ),
    "quarantine": ("orchestration.cli.quarantine", "List, explain and replay what could not be loaded."),
    "replay": ("orchestration.cli.replay", "Rebuild the warehouse from the log."),
    "verify": ("orchestration.cli.verify", "Compare source and warehouse at one position."),
    "query": ("orchestration.cli.query", "Run SQL on the published warehouse."),
    "models": ("orchestration.cli.models", "Describe the models: columns, lineage, freshness, tests, an example."),
    "warehouse": ("orchestration.cli.warehouse", "Give the published warehouse's address, or one client's rows of it."),
    "dashboards": (
        "orchestration.cli.dashboards",
        "Build, open or serve the dashboards, or bring them into a Metabase.",
    ),
    "docs": ("orchestration.cli.docs", "Build or open the docs of metrics and models."),
    "training": ("orchestration.cli.training", "Build or fetch training sets."),
    "settings": ("orchestration.cli.settings", "List the settings with their values."),
    "backup": ("orchestration.cli.backup", "Back up log, warehouse and Dagster's storage while everything runs."),
    "restore": ("orchestration.cli.restore", "Put a backup into an empty FLUX_HOME, and never over something."),
    "bench": ("orchestration.cli.bench", "Measure how fast Flux is on this machine, beside its own limits."),
    "reset": ("orchestration.cli.reset", "Remove what Flux made, and nothing else."),
}
HIDDEN = {"service": "orchestration.cli.service"}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is asked for, not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = COMMANDS[cmd_name][0] if cmd_name in COMMANDS else HIDDEN.get(cmd_name)
        if module is None:
            return None
        command = importlib.import_module(module).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="flux-data-platform", message="flux %(version)s")
@click.option("--debug", is_flag=True, help="Show tracebacks (FLUX_DEBUG=1 does the same).")
def flux(debug: bool) -> None:
    """Flux: a talent marketplace's Postgres and events in; models, dashboards and training sets out.

    \b
    Start with:
      flux demo                      the whole platform on a stand-in product, about two minutes
      flux query "select * from reporting.rpt_weekly_active_members"
      flux up                        the same, running, with live traffic and Dagster's UI
    """
    if debug:
        os.environ["FLUX_DEBUG"] = "1"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; without arguments, run the process's own and end the process."""
    try:
        # Not standalone: click would turn an interrupt into 'Aborted!' and lose our own exit codes.
        exceptions.begin()
        code = flux.main(args=None if arguments is None else list(arguments), prog_name="flux", standalone_mode=False)
    except BaseException as error:
        code = failure.report(error)
    code = code if isinstance(code, int) else 0
    if arguments is None:
        _leave(code)
    return code


def _leave(code: int) -> None:
    """End the process without the interpreter's own shutdown, where DuckDB was in it.

    DuckDB 2.0.0 prints some fifty lines about leaked references there when dbt has used it (seen 2026-11, harmless).
    Drop this when a newer release is silent.
    """
    if "_duckdb" not in sys.modules:
        return
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
