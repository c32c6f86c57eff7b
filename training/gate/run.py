"""Runs every check on a dataset that is written and not yet published."""

import json
import logging
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any  # Any: dbt's manifest, a JSON tree

from training.connection import Connection
from training.gate.finding import CHECKS, Finding, unjudged
from training.gate.lineage import check_lineage
from training.gate.names import check_names
from training.gate.oracle import check_oracle, check_origins
from training.gate.origins import Origins, origins_of
from training.gate.parts import Parts
from training.gate.people import check_consent, check_tenants
from training.gate.rows import check_cardinality, check_label_times, check_splits
from training.gate.signals import check_single_features
from training.spec import DatasetSpec

logger = logging.getLogger(__name__)

SAMPLE = 64  # rows that the oracle recomputes


def run_gate(
    connection: Connection,
    spec: DatasetSpec,
    directory: Path,
    *,
    as_of: datetime,
    models: Path | Mapping[str, Any] | None = None,
    sample: int = SAMPLE,
) -> list[Finding]:
    """Judge the parts below `directory`, built from the state that `connection` reads; one finding a check.

    `models` is dbt's manifest of that build. Without declarations of where the relation's columns come from
    (training/specs/origins) the checks that need them cannot judge, and say so. Cost: reads each feature once, and of
    the raw histories what `sample` rows lead to.
    """
    parts, origins = Parts(directory), origins_of(spec.relation)
    findings = {
        finding.check: finding
        for finding in (
            check_cardinality(connection, spec, parts, origins),
            check_label_times(connection, spec, parts, origins, as_of),
            check_single_features(spec, parts, origins),
            check_splits(connection, spec, parts, origins),
            check_names(parts),
            *_declared(connection, spec, parts, origins, models, sample),
        )
    }
    for finding in findings.values():
        logger.info("dataset=%s check=%s passed=%s", spec.name, finding.check, finding.passed)
    return [findings[check] for check in CHECKS]


def _declared(
    connection: Connection,
    spec: DatasetSpec,
    parts: Parts,
    origins: Origins | None,
    models: Path | Mapping[str, Any] | None,
    sample: int,
) -> list[Finding]:
    if origins is None:
        reason = f"training/specs/origins says nothing of {spec.relation}"
        return [unjudged(check, reason) for check in ("origins", "oracle", "lineage", "cross_tenant", "consent")]
    return [
        check_origins(spec, origins),
        check_oracle(connection, spec, parts, origins, sample),
        _lineage(spec, origins, models),
        check_tenants(connection, spec, parts, origins),
        check_consent(connection, spec, parts, origins),
    ]


def _lineage(spec: DatasetSpec, origins: Origins, models: Path | Mapping[str, Any] | None) -> Finding:
    if models is None:
        return unjudged("lineage", "no manifest of the models was given")
    manifest = json.loads(models.read_text(encoding="utf-8")) if isinstance(models, Path) else models
    return check_lineage(spec, origins, manifest)
