"""The landing suite as one blocking check per raw table: models do not build on what breaks its promise."""

from collections.abc import Sequence

import dagster as dg

from orchestration.checks.contract import load_contracts
from orchestration.defs.quality.promises import checks
from orchestration.relations import Relation
from orchestration.settings import Settings


def definitions(settings: Settings, relations: Sequence[Relation]) -> dg.Definitions:
    """Define the checks of the contracts whose relations are in the graph."""
    present = {".".join(relation.key) for relation in relations}
    contracts = [contract for contract in load_contracts() if contract.relation in present]
    return checks(settings, contracts, step="landing", check="lands_as_promised")
