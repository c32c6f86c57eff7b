"""Colours of the theme meet WCAG AA in light, dark and print: 4.5:1 for text, 3:1 for what is drawn."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

import dashboards.static.page as page
from dashboards.model import Colour

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
    parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    red, green, blue = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
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
