"""What `flux costs` says, from the published reports; the page Costs shows the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import duckdb

from orchestration.errors import FluxError
from orchestration.settings import Settings
from orchestration.walk.readers import reading

Row = Mapping[str, Any]  # Any: values of a report's columns

DAYS: Final = 7
_MODELS: Final = f"""
select relation, sum(build_count) as builds, sum(cost_seconds) as seconds, sum(scanned_bytes) as scanned_bytes,
    sum(input_bytes) as input_bytes, max(row_count) as row_count, max(stored_bytes) as stored_bytes
from reporting.rpt_model_costs
where ran_on > (select max(ran_on) from reporting.rpt_model_costs) - {DAYS}
group by relation order by seconds desc, relation
"""
_CARDS: Final = f"""
select dashboard, card, sum(run_count) as runs, sum(seconds) as seconds, sum(scanned_bytes) as scanned_bytes
from reporting.rpt_dashboard_costs
where ran_on > (select max(ran_on) from reporting.rpt_dashboard_costs) - {DAYS}
group by dashboard, card order by seconds desc, dashboard, card
"""
_GROWTH: Final = """
select relation, row_count, row_growth, stored_bytes, growth_bytes, growth_days
from reporting.rpt_table_growth_daily
where measured_on = (select max(measured_on) from reporting.rpt_table_growth_daily)
order by coalesce(growth_bytes, 0) desc, stored_bytes desc, relation
"""
_USAGE: Final = """
select relation, is_unread, person_count, read_count, last_read_on, dashboards, datasets, model_count, stored_bytes,
    cost_seconds, watched_from_on
from reporting.rpt_relation_usage
order by coalesce(is_unread, false) desc, read_count, cost_seconds desc, relation
"""
_DISK: Final = """
select part, used_bytes, capacity_bytes, free_bytes, growth_bytes_per_day, days_until_full, least_days_until_full,
    most_days_until_full, observed_days, measured_at
from reporting.rpt_disk_forecast order by case when part = 'disk' then 0 else 1 end, part
"""


@dataclass(frozen=True, slots=True)
class Costs:
    """The reports: models and cards dearest first, tables that grew most first, tables least read first, the disk."""

    models: list[Row]
    cards: list[Row]
    growth: list[Row]
    usage: list[Row]
    disk: list[Row]


def costs(settings: Settings) -> Costs:
    """Read what is published. Raises FluxError when nothing is, or nothing that a build of this version made."""
    with reading(settings) as warehouse:
        try:
            return Costs(*(warehouse.arrow(sql).to_pylist() for sql in (_MODELS, _CARDS, _GROWTH, _USAGE, _DISK)))
        except Exception as error:  # each engine's driver has its own
            if isinstance(error, duckdb.CatalogException) or getattr(error, "sqlstate", None) == "42P01":
                raise FluxError("no costs are published yet; run 'flux build', which tells of those before") from None
            raise


def disk_words(row: Row) -> str:
    """Say when the disk is full, and how sure that is."""
    if row["growth_bytes_per_day"] is None:
        return f"full in: not known yet, {row['observed_days']:.1f} days were watched and a forecast needs 7"
    if row["days_until_full"] is None:
        return "it does not grow"
    least, most = row["least_days_until_full"], row["most_days_until_full"]
    sure = f"at least {least:,.0f}" if most is None else f"{least:,.0f} to {most:,.0f}"
    return f"full in {row['days_until_full']:,.0f} days ({sure})"
