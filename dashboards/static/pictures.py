"""Pictures of every page for the docs: two widths, light and dark.

    python -m dashboards.static.pictures docs/images .flux/site .flux/site-fairness

Needs Playwright and a Chromium (both are for development). Pictures of pages are WebP, of at most 150 kB: the quality
falls until they fit. `--png` writes PNG, to look at them with whatever does not know WebP.
"""

from __future__ import annotations

import base64
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

WIDTHS = {"1440": 1440, "390": 390}
SCHEMES = ("light", "dark")
MOST_BYTES = 150_000
DRAWN = "() => [...document.querySelectorAll('[data-plot]')].every(plot => plot.querySelector('canvas'))"
"""Whether all plots of a page are there: they are drawn once the font is."""
_QUALITIES = (35, 25, 15)
_HEIGHT = 900


def take(directory: Path, sites: Sequence[Path], *, png: bool = False) -> Iterator[Path]:
    """Write a picture of each page of the sites at each width and scheme; give their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        for width, pixels in WIDTHS.items():
            for scheme in SCHEMES:
                context = browser.new_context(
                    viewport={"width": pixels, "height": _HEIGHT},
                    color_scheme=scheme,  # type: ignore[arg-type]
                )
                page = context.new_page()
                for site in sites:
                    for path in sorted(site.glob("*.html")):
                        page.goto(path.resolve().as_uri())
                        page.wait_for_function(DRAWN)
                        target = directory / f"{_name(site, path)}-{width}-{scheme}.{'png' if png else 'webp'}"
                        target.write_bytes(page.screenshot(full_page=True) if png else _webp(page))
                        yield target
                context.close()
        browser.close()


def _name(site: Path, path: Path) -> str:
    """Name a page's pictures: by its file, the first page of a site by the site."""
    if path.stem != "index":
        return path.stem
    return site.name.removeprefix("site-") if site.name != "site" else "overview"


def _webp(page: Page) -> bytes:
    session = page.context.new_cdp_session(page)
    size = page.evaluate("({width: innerWidth, height: document.documentElement.scrollHeight})")
    for quality in _QUALITIES:
        shot = session.send(
            "Page.captureScreenshot",
            {
                "format": "webp",
                "quality": quality,
                "captureBeyondViewport": True,
                "clip": {"x": 0, "y": 0, "scale": 1, **size},
            },
        )
        content = base64.b64decode(shot["data"])
        if len(content) <= MOST_BYTES:
            break
    return content


if __name__ == "__main__":
    options = [argument for argument in sys.argv[1:] if argument != "--png"]
    for written in take(Path(options[0]), [Path(one) for one in options[1:]], png="--png" in sys.argv):
        sys.stdout.write(f"{written} {written.stat().st_size:,} bytes\n")
