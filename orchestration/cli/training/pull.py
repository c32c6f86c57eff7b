"""`flux training pull`."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from orchestration.cli.output import examples, json_option, print_json, read_settings
from orchestration.cli.training.asking import asking_options, names, out_option
from orchestration.screen import Screen

FORMATS = ("parquet", "arrow", "csv", "recbole")  # training.formats has the same; to import it takes half a second
_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%MZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]


@click.command(
    epilog=examples(
        "flux training pull",
        "flux training pull match --as-of 2026-08-01T00:00Z",
        "flux training pull match --labels label_apply_14d --horizon 90d --seed 11",
        "flux training pull match --format recbole --label label_apply_14d",
    )
)
@click.argument("spec", default="match")
@click.option("--as-of", type=click.DateTime(_TIMES), help="As it was known at this time (UTC); unset: the last build.")
@asking_options
@out_option
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    default="parquet",
    help="Write it in this format, too, beside the dataset, which is parquet.",
)
@click.option("--label", help="The one label of a format that knows one (recbole); unset: the first.")
@json_option
def command(
    spec: str,
    as_of: dt.datetime | None,
    seed: int | None,
    horizon: str | None,
    labels: str | None,
    out: Path | None,
    format_: str,
    label: str | None,
    as_json: bool,
) -> int:
    """Build a training set, or find it built, and print where it is.

    SPEC is a shipped specification's name or a YAML file. The same question to the same data is the same dataset. One
    that was killed goes on where it was when it is asked for again and nothing was published meanwhile.
    """
    from orchestration.walk import training

    if label is not None and format_ == "parquet":
        raise click.UsageError("--label is for an export; give --format, too (--labels chooses those of the dataset)")
    settings = read_settings()
    at = None if as_of is None else as_of.replace(tzinfo=dt.UTC)
    asked = training.Asked(spec, seed, horizon, names(labels))
    with Screen() as screen, screen.step(f"training set {spec}") as step:
        report = training.build_dataset(
            settings, asked, as_of=at, out=out, progress=lambda part, done, total: step.update(done, total, part)
        )
        export = None
        if format_ != "parquet":
            step.update(0, 1, format_)
            export = training.export_dataset(report, format_, label)
    if as_json:
        print_json(
            {
                "name": report.name,
                "id": report.id,
                "directory": str(report.directory),
                "created": report.created,
                "as_of": report.as_of,
                "logical_hash": report.logical_hash,
                "rows": dict(report.rows),
                "bytes": report.size_bytes,
                "exclusions": dict(report.exclusions),
                "export": export and {"format": format_, "directory": str(export.directory), "created": export.created},
            }
        )
        return 0
    rows = ", ".join(f"{count:,} {split}" for split, count in report.rows.items())
    click.echo(f"{report.name}/{report.id} as of {report.as_of.isoformat()}: {rows}")
    click.echo(f"{'made' if report.created else 'there already'}: {report.directory}")
    if export is not None:
        missing = "".join(f"; without {count:,} rows: {reason}" for reason, count in export.left_out.items())
        click.echo(f"{'made' if export.created else 'there already'}: {export.directory}{missing}")
    return 0
