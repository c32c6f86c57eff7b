"""dbt's exposures, `dbt_project/models/_exposures.yml`, made from the dashboards' definitions.

What each page reads is what its cards' SQL refers to, so that `dbt ls --select +exposure:overview` and a lineage tool
know it. A test compares the file with what this prints:

    python -m orchestration.models.exposures > dbt_project/models/_exposures.yml
"""

from __future__ import annotations

import sys

from dashboards import usage
from dashboards.compile import refs_of
from dashboards.loader import Definitions
from dashboards.model import Dashboard

HEAD = """\
# Made by python -m orchestration.models.exposures; change dashboards/definitions instead.
exposures:
"""


def exposures(definitions: Definitions) -> str:
    """Write the file: one exposure a page, with the models that its cards read."""
    entries = [_entry(dashboard, _models(dashboard, definitions)) for dashboard in definitions.dashboards]
    return HEAD + "\n".join(entry for entry in entries if entry)


def _models(dashboard: Dashboard, definitions: Definitions) -> list[str]:
    texts = [definitions.sql[card.sql_name] for card in dashboard.cards.values()]
    texts += [card.expect.reconcile.equals for card in dashboard.cards.values() if card.expect.reconcile is not None]
    return sorted({name for text in texts for name in refs_of(text)} - set(usage.RELATIONS))


def _entry(dashboard: Dashboard, models: list[str]) -> str:
    if not models:  # reads no model: Usage, which reads logs
        return ""
    lines = [
        f"  - name: {dashboard.key}",
        f"    label: {dashboard.title}",
        "    type: dashboard",
        "    maturity: high",
        f"    description: {dashboard.question}",
        f"    owner: {{name: {dashboard.owner}}}",
        f"    config: {{meta: {{audience: {dashboard.audience}}}}}",
        "    depends_on:",
        *(f"      - ref('{name}')" for name in models),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    from orchestration.walk.sites import definitions

    sys.stdout.write(exposures(definitions()))
