"""Colours of the theme, in light, dark and print: WCAG AA (4.5:1 for text, 3:1 for what is drawn), and series of one
chart that colour-blind readers tell apart."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import get_args

import pytest

import dashboards.static.page as page
from dashboards.loader import load_definitions
from dashboards.metabase.display import COLOURS
from dashboards.model import Colour
from dashboards.static.view import PALETTE
from tests.dashboards.colour_vision import SIGHTS, distance, linear
from tests.dashboards.warehouse import DEFINITIONS, METRICS

CSS = (Path(page.__file__).parent / "theme.css").read_text(encoding="utf-8")
SCHEMES = dict(zip(("light", "dark", "print"), re.findall(r":root \{(.*?)\}", CSS, re.DOTALL), strict=True))


def colours(scheme: str) -> dict[str, str]:
    return {**_named("light"), **_named(scheme)}


def _named(scheme: str) -> dict[str, str]:
    return {
        name: value if len(value) == 7 else "#" + "".join(digit * 2 for digit in value[1:])
        for name, value in re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})\b", SCHEMES[scheme])
    }


def luminance(colour: str) -> float:
    red, green, blue = linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_text_is_readable(scheme: str) -> None:
    named = colours(scheme)
    pairs = [(text, ground) for text in ("ink", "muted") for ground in ("surface", "bg")]
    pairs += [(text, "surface") for text in ("good", "bad", "warn")]
    pairs += [("primary", ground) for ground in ("surface", "bg", "warn-soft")]  # links of the docs
    pairs += [(text, f"{text}-soft") for text in ("good", "bad", "warn")] + [
        ("muted", "neutral-soft"),
        ("ink", "warn-soft"),
    ]
    assert {
        pair: round(contrast(named[pair[0]], named[pair[1]]), 2)
        for pair in pairs
        if contrast(named[pair[0]], named[pair[1]]) < 4.5
    } == {}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_drawn_colours_stand_out(scheme: str) -> None:
    named = colours(scheme)
    drawn = [*get_args(Colour), "goal", "focus"]
    assert {
        name: round(contrast(named[name], named["surface"]), 2)
        for name in drawn
        if contrast(named[name], named["surface"]) < 3
    } == {}


@cache
def drawn_together() -> set[tuple[str, str]]:
    """Pairs of roles that meet in one chart: those of the palette, and those of each card that is there."""
    charts: list[Iterable[str]] = [PALETTE]
    for dashboard in load_definitions(DEFINITIONS, METRICS).dashboards:
        for card in dashboard.cards.values():
            charts += [[one.colour for one in card.encode.y], set(card.encode.colours.values())]
    return {pair for roles in charts for pair in combinations(sorted(roles), 2)}


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("sight", SIGHTS)
def test_series_of_one_chart_are_told_apart(scheme: str, sight: str) -> None:
    named = colours(scheme)
    far = {(one, other): distance(named[one], named[other], sight) for one, other in drawn_together()}
    assert len(far) > 12
    assert {pair: round(between, 1) for pair, between in far.items() if between < 12} == {}


def test_a_colour_is_the_same_on_a_page_and_in_metabase() -> None:
    assert {role: colours("light")[role] for role in COLOURS} == COLOURS
