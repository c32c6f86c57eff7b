"""What models and dashboards cost, who reads tables, how they and the disk grow: days by the wall clock, in UTC."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from math import sqrt

from tests.models.oracles.source import Row, Rows, Source, oracle, ratio

UNREAD, WINDOW, LEAST_DAYS, LEAST_SAMPLES = 60, 30, 7, 5
NODES = ("model", "seed", "test")


def costs(source: Source) -> dict[tuple[str, date], list[Row]]:
    """What ran of each relation, by day."""
    tested = {row["dependent"]: row["relation"] for row in source.rows("_flux.dependents") if row["kind"] == "test"}
    found: dict[tuple[str, date], list[Row]] = defaultdict(list)
    for row in source.rows("_flux.run_costs"):
        if row["kind"] in NODES:
            relation = tested.get(row["name"], "(no model)") if row["kind"] == "test" else row["subject"]
            found[relation, row["ran_on"]].append(row)
    return found


@oracle(
    "reporting.rpt_model_costs",
    "relation build_count test_count failed_count row_count stored_bytes scanned_bytes input_bytes build_seconds"
    " test_seconds longest_seconds cost_seconds day_seconds build_time_share ran_on",
)
def rpt_model_costs(source: Source) -> Rows:
    sizes = {(row["relation"], row["measured_on"]): row["stored_bytes"] for row in source.rows("_flux.relation_sizes")}
    for (relation, day), rows in source.once(costs).items():
        builds = [row for row in rows if row["kind"] != "test"]
        tests = [row for row in rows if row["kind"] == "test"]
        read = [
            sizes[row["relation"], day]
            for row in source.rows("_flux.dependents")
            if row["kind"] == "build" and row["dependent"] == relation and (row["relation"], day) in sizes
        ]
        counted = [row["row_count"] for row in rows if row["row_count"] is not None]
        scanned = [row["scanned_bytes"] for row in rows if row["scanned_bytes"] is not None]
        count = sum(row["run_count"] for row in builds)
        seconds = sum(row["seconds"] for row in rows)
        of_day = sum(
            row["seconds"] for row in source.rows("_flux.run_costs") if row["ran_on"] == day and row["kind"] in NODES
        )
        yield (
            *(relation, count, sum(row["run_count"] for row in tests), sum(row["failed_count"] for row in rows)),
            *(max(counted, default=None), sizes.get((relation, day)), sum(scanned) if scanned else None),
            *(count * sum(read) if read else None, sum(row["seconds"] for row in builds)),
            *(sum(row["seconds"] for row in tests), max(row["longest_seconds"] for row in rows), seconds, of_day),
            *(ratio(seconds, of_day), day),
        )


@oracle(
    "reporting.rpt_dashboard_costs",
    "dashboard card run_count failed_count row_count scanned_bytes seconds longest_seconds ran_on",
)
def rpt_dashboard_costs(source: Source) -> Rows:
    for row in source.rows("_flux.run_costs"):
        if row["kind"] == "card":
            page, card = row["name"].split(".")
            yield (
                *(page, card, row["run_count"], row["failed_count"], row["row_count"], row["scanned_bytes"]),
                *(row["seconds"], row["longest_seconds"], row["ran_on"]),
            )


@oracle(
    "reporting.rpt_table_growth_daily",
    "relation row_count row_growth stored_bytes growth_bytes growth_days measured_on",
)
def rpt_table_growth_daily(source: Source) -> Rows:
    before: dict[str, Row] = {}
    for row in sorted(source.rows("_flux.relation_sizes"), key=lambda row: row["measured_on"]):
        last = before.get(row["relation"])
        grown = (None, None, None)
        if last is not None:
            days = (row["measured_on"] - last["measured_on"]).days
            grown = (row["row_count"] - last["row_count"], row["stored_bytes"] - last["stored_bytes"], days)
        before[row["relation"]] = row
        yield (
            *(row["relation"], row["row_count"], grown[0], row["stored_bytes"], grown[1], grown[2]),
            row["measured_on"],
        )


@oracle(
    "reporting.rpt_relation_usage",
    "relation dashboards datasets model_count person_count read_count row_count stored_bytes cost_seconds is_unread"
    " last_read_on watched_from_on as_of_on",
)
def rpt_relation_usage(source: Source) -> Rows:
    sizes, reads = source.rows("_flux.relation_sizes"), source.rows("_flux.relation_reads")
    today = max(row["measured_on"] for row in sizes)
    since = min([*(row["measured_on"] for row in sizes), *(row["read_on"] for row in reads)])
    for size in sizes:
        name = size["relation"]
        if size["measured_on"] != today or name.split(".")[0] not in ("marts", "reporting", "ml"):
            continue
        known = [row for row in reads if row["relation"] == name and row["kind"] != "card"]
        lately = [row for row in known if row["read_on"] > today - timedelta(UNREAD)]
        last = max((row["read_on"] for row in known), default=None)
        uses: dict[str, list[str]] = defaultdict(list)
        for row in source.rows("_flux.dependents"):
            if row["relation"] == name:
                uses[row["kind"]].append(row["dependent"])
        unread = False if lately else True if (today - since).days >= UNREAD else None
        yield (
            *(name, ", ".join(sorted(uses["dashboard"])) or None, ", ".join(sorted(uses["dataset"])) or None),
            *(len(uses["model"]), len({row["reader"] for row in lately if row["kind"] == "person"})),
            *(sum(row["read_count"] for row in lately), size["row_count"], size["stored_bytes"]),
            sum(
                row["seconds"]
                for (relation, day), rows in source.once(costs).items()
                for row in rows
                if relation == name and day > today - timedelta(30)
            ),
            *(unread, last, since, today),
        )


@oracle(
    "reporting.rpt_disk_forecast",
    "part sample_count used_bytes capacity_bytes free_bytes observed_days growth_bytes_per_day"
    " least_growth_bytes_per_day most_growth_bytes_per_day days_until_full least_days_until_full most_days_until_full"
    " measured_at",
)
def rpt_disk_forecast(source: Source) -> Rows:
    parts: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(source.rows("_flux.disk_sizes"), key=lambda row: row["measured_at"]):
        parts[row["part"]].append(row)
    for part, rows in parts.items():
        newest = rows[-1]
        rows = [row for row in rows if newest["measured_at"] - row["measured_at"] <= timedelta(WINDOW)]
        days = [(row["measured_at"] - newest["measured_at"]).total_seconds() / 86400 for row in rows]
        sizes = [row["used_bytes"] for row in rows]
        slopes: tuple[float | None, ...] = (None, None, None)
        if -days[0] >= LEAST_DAYS and len(rows) >= LEAST_SAMPLES:
            slopes = line(days, sizes)
        capacity = newest["capacity_bytes"]
        free = None if capacity is None else max(capacity - newest["used_bytes"], 0)
        slope, least, most = slopes
        yield (
            *(part, len(rows), newest["used_bytes"], capacity, free, -days[0], slope, least, most),
            *(ratio(free, growth) if growth is not None and growth > 0 else None for growth in (slope, most, least)),
            newest["measured_at"],
        )


def line(days: list[float], sizes: list[int]) -> tuple[float, float, float]:
    """The slope of least squares, and that less and more twice its standard error."""
    count = len(days)
    day, size = sum(days) / count, sum(sizes) / count
    squares = sum((x - day) ** 2 for x in days)
    slope = sum((x - day) * (y - size) for x, y in zip(days, sizes, strict=True)) / squares
    left = sum((y - size - slope * (x - day)) ** 2 for x, y in zip(days, sizes, strict=True))
    margin = 2 * sqrt(left / (count - 2) / squares)
    return slope, slope - margin, slope + margin


ORACLES = (rpt_model_costs, rpt_dashboard_costs, rpt_table_growth_daily, rpt_relation_usage, rpt_disk_forecast)
