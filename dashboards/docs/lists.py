"""The pages that list: metrics with what readers may ask (the first page), all models, all sources."""

from __future__ import annotations

from itertools import groupby

from dashboards.catalogue import LAYERS, READABLE
from dashboards.docs.content import Content
from dashboards.docs.frame import LAYERS as WORDS
from dashboards.docs.frame import complete_to, frame, head, section, table, unbroken
from dashboards.docs.source_page import mirror_of, status
from dashboards.static.number_format import write
from dashboards.static.view import text


def index_page(content: Content) -> str:
    """Return the first page: every metric, then the models that readers may ask."""
    rows = [
        (
            f'<a href="{text(content.page(metric.name))}"><strong>{text(metric.label)}</strong></a>',
            content.prose(metric.definition),
            unbroken(metric.owner),
            content.link(metric.models[0]),
        )
        for metric in content.metrics.values()
    ]
    question = "Every metric and every model: its definition, who answers for it, how fresh it is."
    body = [
        head("What the numbers mean", "", question),
        section("Metrics", table(("Metric", "Definition", "Owner", "Model"), rows, "words")),
        *(_layer(content, layer) for layer in READABLE),
    ]
    return frame(content, "What the numbers mean", body, within="index.html")


def models_page(content: Content) -> str:
    """Return the page of all models by layer."""
    results = {
        test.name: test.result.status for model in content.models.values() for test in model.tests if test.result
    }
    good = sum(1 for result in results.values() if result == "pass")
    state = f"{good} of {len(results)} tests of the last builds passed." if results else "No test was run yet."
    question = f"{len(content.models)} models, from the product's tables to the reports. {state}"
    body = [head("Models", "", question), *(_layer(content, layer) for layer in LAYERS)]
    return frame(content, "Models", body, within="models.html")


def sources_page(content: Content) -> str:
    """Return the page of all sources by schema."""
    body = [head("Sources", "", "What the load writes: tables and histories of the product, events, Flux's own.")]
    machinery_last = sorted(content.sources.values(), key=lambda source: source.schema.startswith("_"))
    for schema, entries in groupby(machinery_last, key=lambda source: source.schema):
        rows = []
        for source in entries:
            landed = content.landed.get(mirror_of(source.relation))
            rows.append(
                (
                    content.link(source.relation, source.name),
                    content.prose(source.description),
                    status(landed),
                    text(write(landed.row_count, "count")) if landed is not None else "",
                )
            )
        title = f"<code>{text(schema)}</code>"
        body.append(section(title, table(("Table", "What it holds", "Freshness", "Rows#"), rows, "words"), key=schema))
    return frame(content, "Sources", body, within="sources.html")


def _layer(content: Content, layer: str) -> str:
    rows = [
        (
            content.link(model.relation, model.name),
            content.prose(model.grain),
            unbroken(model.owner),
            complete_to(model.result),
        )
        for model in content.models.values()
        if model.schema == layer
    ]
    return section(
        "ML" if layer == "ml" else layer.capitalize(),
        table(("Model", "One row", "Owner", "Data complete to"), rows, "words"),
        WORDS[layer],
    )
