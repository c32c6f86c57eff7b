"""`flux costs`."""

from __future__ import annotations

from typing import Any

import click

from orchestration.cli.output import examples, json_option, print_json, print_table, read_settings


@click.command(epilog=examples("flux costs", "flux costs --top 30", "flux costs --json"))
@click.option("--top", default=10, show_default=True, type=click.IntRange(1), metavar="N", help="Lines of each list.")
@json_option
def command(top: int, as_json: bool) -> None:
    """Say what models and dashboards cost, which tables grow, which nobody reads, when the disk is full.

    Seconds and bytes of the newest seven days with builds, of what is published: a build tells of those before it.
    The page Costs shows the same; docs/costs.md says how each number is measured. --json has all lines.
    """
    from dataclasses import asdict

    from orchestration.costs.telling import costs, disk_words

    found = costs(read_settings())
    if as_json:
        print_json(asdict(found))
        return
    if not found.models:
        click.echo("nothing is known yet: a build tells of those before it; run 'flux build'")
        return
    print_table(
        ("model", "builds", "seconds", "rows", "stored", "scanned", "input, at most"),
        [
            [
                *(row["relation"], _count(row["builds"]), f"{row['seconds']:.1f}", _count(row["row_count"])),
                *(_bytes(row["stored_bytes"]), _bytes(row["scanned_bytes"]), _bytes(row["input_bytes"])),
            ]
            for row in found.models[:top]
        ],
        title="Dearest models, with their tests",
    )
    print_table(
        ("page", "card", "runs", "seconds", "scanned"),
        [
            [
                *(row["dashboard"], row["card"], _count(row["runs"])),
                f"{row['seconds']:.2f}",
                _bytes(row["scanned_bytes"]),
            ]
            for row in found.cards[:top]
        ],
        title="Dearest cards",
    )
    print_table(
        ("table", "rows", "more", "stored", "more", "days"),
        [
            [
                *(row["relation"], _count(row["row_count"]), _count(row["row_growth"])),
                *(_bytes(row["stored_bytes"]), _bytes(row["growth_bytes"]), row["growth_days"]),
            ]
            for row in found.growth[:top]
        ],
        title="Tables that grow",
    )
    unread = [row for row in found.usage if row["is_unread"]]
    print_table(
        ("table", "last read", "pages", "training sets", "models", "stored", "seconds"),
        [
            [
                *(row["relation"], row["last_read_on"], row["dashboards"], row["datasets"], row["model_count"]),
                *(_bytes(row["stored_bytes"]), f"{row['cost_seconds']:.1f}"),
            ]
            for row in unread[:top]
        ],
        title="Read by nobody for 60 days",
    )
    if not unread and any(row["is_unread"] is None for row in found.usage):
        since = next(row["watched_from_on"] for row in found.usage)
        click.echo(f"what nobody reads is known after 60 days; watched since {since}")
    for row in found.disk:
        words = f"; {disk_words(row)}" if row["part"] == "disk" else ""
        of = f" of {_bytes(row['capacity_bytes'])}" if row["capacity_bytes"] else ""
        click.echo(f"{row['part']}: {_bytes(row['used_bytes'])}{of}{words}")


def _bytes(value: Any) -> str | None:  # Any: a number of either engine
    if value is None:
        return None
    size = float(value)
    for unit in ("B", "kB", "MB", "GB"):
        if abs(size) < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{size:,.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"


def _count(value: Any) -> str | None:  # Any: a number of either engine
    return None if value is None else f"{value:,}"
