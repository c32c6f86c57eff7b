"""`flux training baseline`."""

from __future__ import annotations

import click

from orchestration.cli.output import examples, json_option, print_json, print_table, read_settings
from orchestration.screen import Screen


@click.command(epilog=examples("flux training baseline 3f2a", "flux training baseline 3f2a --label label_click_24h"))
@click.argument("dataset")
@click.option("--label", "labels", multiple=True, help="Only this label; may be given again. Unset: all it can learn.")
@click.option("--restricted", is_flag=True, help="Also figures by sex and race, to a directory that only you may open.")
@json_option
def command(dataset: str, labels: tuple[str, ...], restricted: bool, as_json: bool) -> int:
    """Train a small model on a training set and compare it with popularity.

    DATASET is a directory, name/id, or the beginning of an id. Needs scikit-learn, the extra 'baseline'. The figures
    and the set's page are written beside the set.
    """
    from orchestration.walk import baseline

    settings = read_settings()
    with Screen() as screen, screen.step(f"baseline {dataset}") as step:
        found = baseline.run_baseline(
            settings,
            dataset,
            labels=labels or None,
            restricted=restricted,
            progress=lambda label: step.update(0, note=label),
        )
    pages = [str(page) for page in (found.page, found.restricted_page) if page is not None]
    if as_json:
        print_json({**found.report.to_json(), "pages": pages})
        return 0
    rows = []
    for one in found.report.labels:
        for measure, margin in one.margins.items():
            own, rival = one.figures[one.model][measure], one.figures["popularity"][measure]
            span = f"{margin.value:+.4f} ({margin.least:+.4f} to {margin.greatest:+.4f})"
            rows.append([one.label, one.model, measure, f"{own.value:.4f}", f"{rival.value:.4f}", span])
    print_table(["label", "model", "measure", "value", "popularity", "better by"], rows)
    for one in found.report.labels:
        if one.suspect is not None:
            click.echo(f"{one.label}: too good to be true; look whether {one.suspect!r} knows the future")
    for label, why in found.report.skipped.items():
        click.echo(f"{label}: left out, {why}")
    for page in pages:
        click.echo(f"page: {page}")
    return 0
