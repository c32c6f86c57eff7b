"""What the documents name is there: commands with their options, settings, files, headings, tests."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from orchestration.cli.main import flux
from orchestration.settings import PREFIX, Settings, describe, secrets

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
# Read by the crash suite, not by Flux.
SUITE = re.compile(r"FLUX_(?:CRASH|TEST)_[A-Z]+|FLUX_")
CODE = re.compile(r"^```\w*\n(.*?)^```|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
# As somebody types it, or as a message quotes it.
CALL = re.compile(r"(?:^ *|'|&& |; |/bin/)(?:FLUX_\w+=\S+ +)*flux ([a-z].*)", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
TEST = re.compile(r"`(test_\w+)(\.py)?`")


def calls(page: Path) -> Iterator[str]:
    """What follows `flux` wherever the page has it as a command."""
    for fenced, span in CODE.findall(page.read_text()):
        for found in CALL.findall(fenced or span):
            yield re.split(r"'(?:[ ,;:)]|$)| #|  |[|&]", found)[0]


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_names_exists_with_its_options(page: Path) -> None:
    for call in calls(page):
        words = shlex.split(call)
        command: click.Command | None = flux
        options: set[str] = set()
        while words and isinstance(command, click.Group) and not words[0].startswith("-"):
            command = command.get_command(click.Context(command), words.pop(0))
            assert command is not None, f"{page.name}: flux {call}"
        assert command is not None
        for parameter in command.params:
            options |= {*parameter.opts, "--help"}
        given = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert given <= options, f"{page.name}: flux {call}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_setting_that_a_page_names_exists(page: Path) -> None:
    known = {row["name"] for row in describe(Settings.read({}))} | {f"{name}_FILE" for name in secrets()}
    named = {name for name in re.findall(rf"{PREFIX}[A-Z_]*", page.read_text()) if not SUITE.fullmatch(name)}

    assert named <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        if link.startswith("http"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
            assert anchor in map(slug, headings), link


def test_every_test_that_a_page_names_exists() -> None:
    files = list((ROOT / "tests").rglob("test_*.py"))
    known = {file.stem for file in files}
    known |= {name for file in files for name in re.findall(r"def (test_\w+)", file.read_text())}
    named = {(page.name, name) for page in PAGES for name, _ in TEST.findall(page.read_text())}

    assert {(page, name) for page, name in named if name not in known} == set()
