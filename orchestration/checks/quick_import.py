"""Imports Great Expectations without the libraries that only one of its expectations needs.

`import great_expectations` takes 5.1 s of CPU with compiled bytecode (14 s without: PYTHONDONTWRITEBYTECODE, or the
first run after an installation that did not compile). 1.7 s of it are scipy.stats and altair, for the KL divergence,
which the landing checks do not use. They are put off with importlib's own LazyLoader: whoever touches one of them
gets the real module then. The rest of the gain, 0.4 s, is the garbage collector, which finds nothing to collect in
half a million objects that stay. Measured 2026-11: 3.1 s. Drop this when GX imports them lazily itself.
"""

from __future__ import annotations

import gc
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import logging
import os
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from orchestration.checks.errors import ChecksError

# The buffered engine of `engine` replaces a method of GX; a version that nobody tried may have moved it.
TRIED_VERSIONS = ("1.24.1",)

_PUT_OFF = frozenset({"scipy.stats", "altair"})
_lock = threading.Lock()


def great_expectations() -> Any:  # Any: its annotations would cost mypy a minute
    """Import GX once, with analytics off. Raises ChecksError for a version that was never tried with Flux."""
    os.environ["GX_ANALYTICS_ENABLED"] = "False"  # read at import; nothing of a customer's leaves the machine
    with _lock, _without_collector(), _lazily(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # GX 1.24 imports sre_constants; nobody here can mend it
        module = importlib.import_module("great_expectations")
    if module.__version__ not in TRIED_VERSIONS:
        raise ChecksError(
            f"great_expectations {module.__version__} is installed, tried is {', '.join(TRIED_VERSIONS)}; install that,"
            " or run tests/quality with the new one and add it to orchestration/checks/quick_import.py"
        )
    return module


class _LazyFinder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in _PUT_OFF:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is not None and spec.loader is not None:
            spec.loader = importlib.util.LazyLoader(spec.loader)
        return spec


@contextmanager
def _lazily() -> Iterator[None]:
    finder = _LazyFinder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


@contextmanager
def _without_collector() -> Iterator[None]:
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


logging.getLogger("great_expectations").setLevel(logging.ERROR)  # it warns once a run that it knows no DuckDB types
