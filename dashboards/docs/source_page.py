"""The page of a source: a table that the load writes, its state, its columns, who reads it."""

from __future__ import annotations

from dashboards.catalogue import Model, Source
from dashboards.docs.content import Content, Landed
from dashboards.docs.frame import checked, facts, frame, head, moment, section, table
from dashboards.docs.graph import Graph
from dashboards.docs.neighbourhood import draw_neighbourhood
from dashboards.static.number_format import write
from dashboards.static.view import breakable, text

HISTORY = "_history"
LOOKS = {"fresh": "good", "late": "warn", "inexact": "bad"}


def source_page(content: Content, source: Source, graph: Graph) -> str:
    """Return the page."""
    readers = [content.models[relation] for relation in source.read_by if relation in content.models]
    body = [
        head(source.relation, "source", content.prose(source.description)),
        facts(
            [
                ("Comes from", _origin(content, source)),
                *_state(content.landed.get(mirror_of(source.relation))),
                *checked(content.checks.get(source.relation)),
            ]
        ),
        section("Lineage", draw_neighbourhood(content, graph, source.relation)),
        section("Personal data", _personal(content, readers)),
        section("Columns", _columns(content, source)),
    ]
    return frame(content, source.relation, body, within="sources.html")


def mirror_of(relation: str) -> str:
    """Give the table whose history a relation is; itself when it is none."""
    schema, _, name = relation.partition(".")
    return f"{schema.replace(HISTORY, '', 1)}.{name}"


def status(landed: Landed | None) -> str:
    """Return whether the table is fresh and equal to its source, as a coloured word."""
    if landed is None:
        return "not watched"
    return f'<span class="status {LOOKS.get(landed.status, "neutral")}">{text(landed.status)}</span>'


def _origin(content: Content, source: Source) -> str:
    mirror = mirror_of(source.relation)
    if mirror != source.relation:
        return f"every change of {content.link(mirror)}"
    if source.schema == "_flux":
        return "Flux itself"
    if source.schema.startswith("raw_segment"):
        return "events, by the collector"
    return "the product's Postgres, by replication"


def _state(landed: Landed | None) -> list[tuple[str, str]]:
    if landed is None:
        return [("Freshness", "not watched, or nothing was built yet")]
    newest = moment(landed.newest_change_at) if landed.newest_change_at is not None else "–"
    return [
        ("Freshness", f"{status(landed)} {text(landed.state)}"),
        ("Behind the source", text(write(landed.lag_seconds, "seconds"))),
        ("Newest change", newest),
        ("Rows", text(write(landed.row_count, "count"))),
    ]


def _personal(content: Content, readers: list[Model]) -> str:
    rows = [
        (
            content.link(model.relation),
            f"<code>{breakable(column.name)}</code>",
            f'<span class="tag warn">{text(column.data_class)}</span>',
        )
        for model in readers
        if model.name.startswith("stg_") and not content.is_closed(model)
        for column in model.columns
        if column.data_class != "public"
    ]
    return table(("As staged in", "Column", "Class"), rows)


def _columns(content: Content, source: Source) -> str:
    if content.is_closed(source):
        return ""
    columns = content.columns.get(source.relation, {})
    rows = [(f"<code>{breakable(name)}</code>", f"<code>{text(kind)}</code>") for name, kind in columns.items()]
    return table(("Column", "Type in the warehouse"), rows)
