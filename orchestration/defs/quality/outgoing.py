"""The way out: a blocking check per report and training table, so that a number out of its bounds is not published."""

from collections.abc import Iterable

import dagster as dg

from orchestration.checks.contract import OUTGOING, load_contracts
from orchestration.defs.quality.promises import checks
from orchestration.settings import Settings


def definitions(settings: Settings, built: Iterable[dg.AssetKey]) -> dg.Definitions:
    """Define the checks of the contracts whose models are built."""
    present = {".".join(key.path) for key in built}
    contracts = [contract for contract in load_contracts(OUTGOING) if contract.relation in present]
    return checks(settings, contracts, step="outgoing", check="leaves_as_promised")
