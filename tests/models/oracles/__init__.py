"""Plain Python that recomputes marts from the raw tables, row by row, as their definitions say.

Independent of the SQL on purpose: no query but `select *` of raw tables, loops instead of joins, Python's own time
zones and percentiles. The reports of hiring are grouped by pandas, whose medians and quantiles are a third opinion;
the others stay loops: what makes them hard is which row was valid when and in whose time zone, which pandas would only
hide. An oracle names a relation, the columns it knows and a function of the source.
"""

from __future__ import annotations

from tests.models.oracles import (
    bias,
    costs,
    engagement,
    groups,
    headlines,
    health,
    hiring,
    hiring_reports,
    labels,
    lists,
    machinery,
    match_features,
    match_left_out,
    match_negatives,
    matching,
    mobility,
    talent,
    training,
)
from tests.models.oracles.source import Oracle

ORACLES: tuple[Oracle, ...] = (
    *hiring.ORACLES,
    *hiring_reports.ORACLES,
    *matching.ORACLES,
    *lists.ORACLES,
    *engagement.ORACLES,
    *talent.ORACLES,
    *mobility.ORACLES,
    *headlines.ORACLES,
    *training.ORACLES,
    *labels.ORACLES,
    *groups.ORACLES,
    *match_negatives.ORACLES,
    *match_left_out.ORACLES,
    *match_features.ORACLES,
    *health.ORACLES,
    *bias.ORACLES,
    *machinery.ORACLES,
    *costs.ORACLES,
)
