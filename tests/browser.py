"""A page in a real browser, opened from disk, with what it said and asked for. `browser` is a fixture of conftest."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from playwright.sync_api import Browser, Page

from dashboards.static.pictures import DRAWN

Test = TypeVar("Test", bound=Callable[..., object])
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
MARKS = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")]


def in_a_browser(test: Test) -> Test:
    """Mark a test that needs Chromium."""
    for mark in MARKS:
        test = mark(test)
    return test


class Visit:
    """A page and what it said and asked for."""

    def __init__(
        self, browser: Browser, path: Path, width: int, scheme: str = "light", fragment: str = "", script: str = ""
    ) -> None:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
        if script:
            context.add_init_script(script)
        self.page: Page = context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri() + fragment)
        self.page.wait_for_function(DRAWN)

    def wide(self) -> list[str]:
        """What is wider than the window and not inside a part that scrolls by itself."""
        found: list[str] = self.page.evaluate("""() => [...document.querySelectorAll('body *')]
            .filter(one => one.checkVisibility() && !one.closest('.scroll, nav, .sr, .skip'))
            .filter(one => one.getBoundingClientRect().right > innerWidth + 1)
            .map(one => one.tagName + '.' + one.className)""")
        return found
