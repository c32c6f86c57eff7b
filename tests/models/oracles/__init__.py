"""Plain Python that recomputes marts from the raw tables, row by row, as their definitions say.

Independent of the SQL on purpose: no query but `select *` of raw tables, loops instead of joins, Python's own time
zones and percentiles. An oracle names a relation, the columns it knows and a function of the source.
"""

from __future__ import annotations

from tests.models.oracles import (
    bias,
    engagement,
    headlines,
    health,
    hiring,
    lists,
    machinery,
    matching,
    mobility,
    talent,
    training,
)
from tests.models.oracles.source import Oracle

ORACLES: tuple[Oracle, ...] = (
    *hiring.ORACLES,
    *matching.ORACLES,
    *lists.ORACLES,
    *engagement.ORACLES,
    *talent.ORACLES,
    *mobility.ORACLES,
    *headlines.ORACLES,
    *training.ORACLES,
    *health.ORACLES,
    *bias.ORACLES,
    *machinery.ORACLES,
)
