"""Build the docs: every page, its style, its scripts, put in place in one step."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dashboards.docs import names
from dashboards.docs.content import Content
from dashboards.docs.graph import graph_of
from dashboards.docs.lists import index_page, models_page, sources_page
from dashboards.docs.metric_page import metric_page
from dashboards.docs.model_page import model_page
from dashboards.docs.overview import lineage_page
from dashboards.docs.search import search_script
from dashboards.docs.source_page import source_page
from dashboards.errors import SiteError
from dashboards.static.directory_swap import carry_over, new_directory, put_in_place
from dashboards.static.page import style

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class DocsReport:
    """What a build made."""

    index: Path
    pages: int
    bytes: int
    seconds: float


def build_docs(content: Content, site: Path) -> DocsReport:
    """Write the docs into their directory of the site, in place of those of before; the dashboards stay.

    The same content gives the same bytes. Raises SiteError when the directory cannot be written.
    """
    begin = time.perf_counter()
    pages = size = 0
    try:
        with new_directory(site, mode=0o700 if content.open else 0o755) as made:
            carry_over(site, made, lambda entry: entry.name != names.DIRECTORY)
            folder = made / names.DIRECTORY
            folder.mkdir()
            for name, written in _files(content):
                (folder / name).write_text(written, encoding="utf-8")
                size += (folder / name).stat().st_size
                pages += name.endswith(".html")
            put_in_place(made, site)
    except OSError as error:
        raise SiteError(
            f"cannot write the docs below {str(site)!r}: {error.strerror}; check the directory and its rights"
        ) from error
    return DocsReport(site / names.DIRECTORY / names.INDEX, pages, size, time.perf_counter() - begin)


def _files(content: Content) -> Iterator[tuple[str, str]]:
    graph = graph_of(content)
    yield names.INDEX, index_page(content)
    yield "models.html", models_page(content)
    yield "sources.html", sources_page(content)
    yield "lineage.html", lineage_page(content, graph)
    for metric in content.metrics.values():
        yield names.page_of("metric", metric.name), metric_page(content, metric)
    for model in content.models.values():
        yield names.page_of("model", model.name), model_page(content, model, graph)
    for source in content.sources.values():
        yield names.page_of("source", source.relation), source_page(content, source, graph)
    yield "search.js", search_script(content)
    yield "docs.js", (_HERE / "docs.js").read_text(encoding="utf-8")
    yield "docs.css", style() + (_HERE / "docs.css").read_text(encoding="utf-8")
