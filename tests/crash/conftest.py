"""What the crash suite shares: a home with a bank at its source. Its processes are gone when the test ends."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.bank import found_bank
from tests.crash.processes import Home


@pytest.fixture
def empty_home(database: str, tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home", database)
    yield home
    home.kill()


@pytest.fixture
def home(empty_home: Home) -> Home:
    found_bank(empty_home.url)
    return empty_home
