"""`flux models`."""

from __future__ import annotations

from dataclasses import asdict
from difflib import get_close_matches
from typing import TYPE_CHECKING

import click

from orchestration.cli.output import examples, json_option, print_json, print_table, read_settings
from orchestration.errors import FluxError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.catalogue import Model, Result, Test


@click.command(
    epilog=examples(
        "flux models", "flux models rpt_overview_weekly", "flux models reporting.rpt_overview_weekly --json"
    )
)
@click.argument("name", required=False)
@json_option
def command(name: str | None, as_json: bool) -> int:
    """Describe the models: columns, lineage, freshness, tests, an example.

    Without NAME, list them by layer, each with its grain and the time up to which its data are complete. NAME is a
    model, with or without its schema.
    """
    from dashboards import catalogue
    from orchestration import models

    settings = read_settings()
    manifest = models.prepare(settings)
    found = catalogue.models(manifest, settings.dbt_directory / catalogue.LAST_BUILD)
    if name is None:
        _list(found, as_json)
        return 0
    from dashboards.metrics import load_metrics
    from orchestration.walk import documenting, sites

    model = _choose(found, name)
    pages = [page.title for page in sites.pages(manifest) if model.relation in page.relations]
    page = documenting.page_of(settings, model)
    docs = page.as_uri() if page is not None else None
    metrics = [one.name for one in load_metrics(models.project_directory()).values() if model.name in one.models]
    if as_json:
        print_json(
            {
                "relation": model.relation,
                "grain": model.grain,
                **asdict(model),
                "dashboards": pages,
                "metrics": metrics,
                "docs": docs,
                "example": model.example,
            }
        )
    else:
        _describe(model, pages, metrics, docs)
    return 0


def _list(found: Sequence[Model], as_json: bool) -> None:
    rows = [(one.schema, one.name, one.owner, one.result.cut_at if one.result else None, one.grain) for one in found]
    columns = ("layer", "name", "owner", "complete_to", "grain")
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table(columns, rows)


def _choose(found: Sequence[Model], name: str) -> Model:
    names = {one.name: one for one in found} | {one.relation: one for one in found}
    if name not in names:
        holders = [one.relation for one in found if name in (column.name for column in one.columns)]
        if holders:  # by layer, so that what readers may ask comes first
            others = len(holders) - 1
            more = f" and {others} other{'s' * (others > 1)}" if others else ""
            raise FluxError(f"{name!r} is a column of {holders[0]}{more}; 'flux models {holders[0]}' describes it")
        near = get_close_matches(name, names, n=1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        raise FluxError(f"there is no model {name!r}; {meant}'flux models' lists them")
    return names[name]


def _describe(model: Model, pages: Sequence[str], metrics: Sequence[str], docs: str | None) -> None:
    click.echo(f"{model.relation}\n{model.description}\n")
    facts = {
        "owner": model.owner,
        "key": ", ".join(model.key),
        "freshness": _freshness(model.result),
        "reads": ", ".join(model.reads),
        "read by": ", ".join(model.read_by) or "no model",
        "dashboards": ", ".join(pages) or "none",
        "metrics": ", ".join(metrics) or "none (docs/metrics.md lists all)",
        "page": docs or "not built yet; 'flux docs build' builds it",
    }
    for name, fact in facts.items():
        click.echo(f"{name:<11}{fact}")
    click.echo()
    print_table(("column", "type", "what it holds"), [(one.name, one.type, one.description) for one in model.columns])
    click.echo()
    tests = [(test.name, test.kind, *_outcome(test)) for test in model.tests]
    print_table(("test", "kind", "last result", "when"), tests)
    click.echo(f'\nflux query "{model.example}"')


def _freshness(result: Result | None) -> str:
    if result is None:
        return "not built yet; 'flux demo' builds it, or Dagster's UI under 'flux up'"
    state = "" if result.status == "success" else f" ({result.status})"
    return f"complete to {result.cut_at} (cut {result.cut}), built at {result.built_at}{state}"


def _outcome(test: Test) -> tuple[str, str]:
    result = test.result
    if result is None:
        return ("runs in make test" if test.kind == "unit" else "not run yet"), ""
    failing = f", {result.failures} rows" if result.failures else ""
    return f"{result.status}{failing}", result.built_at
