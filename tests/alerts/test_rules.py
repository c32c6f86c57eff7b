"""One list of rules: doctor makes each of them, the runbook has an entry for each, and for no other."""

from __future__ import annotations

import re
from pathlib import Path

from orchestration.alerts.rules import RULES
from tests.orchestration.test_docs import slug

ROOT = Path(__file__).parents[2]


def test_the_runbook_has_each_rule_as_a_heading_and_no_other_alert() -> None:
    text = (ROOT / "docs" / "runbook.md").read_text()
    found = re.search(r"<!-- alerts -->(.*?)<!-- end -->", text, flags=re.DOTALL)
    assert found is not None
    headings = re.findall(r"^## (.*)$", found[1], flags=re.MULTILINE)
    assert headings == [rule.title for rule in RULES.values()]
    assert [slug(heading) for heading in headings] == [rule.anchor for rule in RULES.values()]


def test_each_rule_is_made_somewhere_and_nothing_else_is() -> None:
    folder = ROOT / "orchestration" / "walk" / "doctor"
    text = "".join(path.read_text() for path in [*folder.glob("*.py"), ROOT / "ingestion" / "postgres" / "health.py"])
    quoted = set(re.findall(r'"([a-z]+(?:_[a-z]+)+)"', text))
    assert quoted >= RULES.keys()
    made = set(re.findall(r'(?:Check|well|space|Finding)\(\s*"([a-z_]+)"', text))
    assert made <= RULES.keys()
