"""The words for bots: against a public list of bots, and against browsers of people."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from crawleruseragents import CRAWLER_USER_AGENTS_DATA  # type: ignore[import-untyped]

from tests.models.dbt_runs import PROJECT

# Names as browsers of 2025 and 2026 send them, odd ones among them: a maker called Cubot, programs inside of programs.
BROWSERS = (Path(__file__).parent / "browsers.txt").read_text(encoding="utf-8").splitlines()


@pytest.fixture(scope="module")
def words() -> re.Pattern[str]:
    text = (PROJECT / "macros" / "user_agents.sql").read_text(encoding="utf-8")
    body = text[text.index("return([") : text.index("]) }}")]
    return re.compile("|".join(re.findall(r"'([^'\n]+)'", body)))


def test_no_browser_is_taken_for_a_bot(words: re.Pattern[str]) -> None:
    assert [name for name in BROWSERS if words.search(name.lower())] == []


def test_nine_in_ten_known_bots_are_found(words: re.Pattern[str]) -> None:
    """And of those that pose as a browser, which are the ones that run a page's script, nearly all."""
    known = [name for entry in CRAWLER_USER_AGENTS_DATA for name in entry["instances"]]
    missed = [name for name in known if not words.search(name.lower())]
    posing = [name for name in known if name.startswith("Mozilla/5.0")]
    missed_posing = [name for name in missed if name.startswith("Mozilla/5.0")]
    assert len(known) > 2000
    assert len(missed) < 0.1 * len(known), missed
    assert len(missed_posing) < 0.04 * len(posing), missed_posing
    assert "Mozilla/5.0 (compatible; Examplebot/2.1; +https://bot.example/)" not in missed
