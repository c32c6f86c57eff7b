"""The whole graph on one page: models by layer and domain, readable as lists; arrows show for what is pointed at.

Two hundred boxes with all their arrows are a tangle that nobody reads. Here every name stands in its place, and one
that is pointed at, focused or named in the address (`lineage.html#fct_moves`) shows its way up to the sources and down
to the dashboards. Sources are one to one with staging, so they have no boxes of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from dashboards.catalogue import Model
from dashboards.docs.content import Content
from dashboards.docs.frame import frame, head
from dashboards.docs.graph import PAGE, Graph
from dashboards.docs.neighbourhood import colour_of, label_of
from dashboards.static.view import text

# (column, heading, folder of the models below dbt_project/models), top down
PLACES = (
    (0, "events, staged", "staging/segment"),
    (0, "Flux itself, staged", "staging/flux"),
    (1, "product, staged", "staging/app"),
    (2, "calendar", "intermediate/calendar"),
    (2, "engagement", "intermediate/engagement"),
    (2, "hiring", "intermediate/hiring"),
    (2, "matching", "intermediate/matching"),
    (2, "talent", "intermediate/talent"),
    (3, "marts", "marts/core"),
    (3, "training", "marts/ml"),
    (4, "reporting", "marts/reporting"),
    (4, "restricted", "restricted"),
)
LAST = 5
PITCH, BOX, ROW, TOP, GAP = 208, 188, 17, 22, 10
WIDTH = PITCH * (LAST + 1)
Point = tuple[int, int]


def lineage_page(content: Content, graph: Graph) -> str:
    """Return the page."""
    places, headings, height = _placed(content, graph)
    edges = [
        _edge(parent, name, places) for name in places for parent in graph.parents.get(name, ()) if parent in places
    ]
    boxes = [_node(content, name, places[name]) for name in places]
    question = "Point at a model, or move to it with Tab: its way up and down lights up. It opens with Enter."
    body = [
        head("Lineage", "", question),
        '<section class="card"><div class="scroll" tabindex="0" role="region" aria-label="All models by layer">'
        f'<svg class="whole" id="whole" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}">'
        f'{headings}<g class="edges">{"".join(edges)}</g>{"".join(boxes)}</svg></div></section>',
    ]
    return frame(content, "Lineage", body, within="lineage.html")


def _groups(content: Content) -> list[tuple[int, str, list[str]]]:
    folders: dict[str, list[str]] = {}
    for model in content.models.values():
        folders.setdefault(_folder(model), []).append(model.relation)
    known = {folder for _, _, folder in PLACES}
    found = [(column, title, sorted(folders.get(folder, ()))) for column, title, folder in PLACES]
    # A folder that is new since: it stands with what is between.
    found += [(2, folder, sorted(names)) for folder, names in sorted(folders.items()) if folder not in known]
    return [(column, title, names) for column, title, names in found if names]


def _folder(model: Model) -> str:
    return str(PurePosixPath(model.path).parent).removeprefix("models/")


def _placed(content: Content, graph: Graph) -> tuple[dict[str, Point], str, int]:
    """Give each name its place, the headings between them, and the height of all."""
    pages = [name for name in graph.parents if name.startswith(PAGE)]
    places: dict[str, Point] = {}
    headings = []
    heights = dict.fromkeys(range(LAST + 1), TOP)
    for column, title, names in [*_groups(content), (LAST, "dashboards", pages)]:
        left = column * PITCH
        headings.append(f'<text class="heading" x="{left + 8}" y="{heights[column]}">{text(title)}</text>')
        for spot, name in enumerate(names, 1):
            places[name] = (left, heights[column] + spot * ROW)
        heights[column] += (len(names) + 1) * ROW + GAP
    return places, "".join(headings), max(heights.values())


def _edge(parent: str, name: str, places: Mapping[str, Point]) -> str:
    """Draw to the right; within a column, around its right side."""
    (left, y1), (x2, y2) = places[parent], places[name]
    x1, y1, y2 = left + BOX, y1 - 4, y2 - 4
    if x2 > left:
        bend = max(24, (x2 - x1) // 2)
        way = f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
    else:
        way = f"M{x1} {y1}C{x1 + 20} {y1} {x1 + 20} {y2} {x1} {y2}"
    return f'<path data-from="{text(_key(parent))}" data-to="{text(_key(name))}" d="{way}"/>'


def _node(content: Content, name: str, place: Point) -> str:
    x, y = place
    page = content.page(name)
    if name.startswith(PAGE) and content.linked:
        page = next(
            f"../{one.file}" for shown in content.read.values() for one in shown if one.page == name.removeprefix(PAGE)
        )
    drawn = (
        f'<rect class="hit" x="{x}" y="{y - 13}" width="{BOX}" height="{ROW}" rx="4"/>'
        f'<rect class="c-{colour_of(name)}" x="{x}" y="{y - 10}" width="3" height="11" rx="1.5"/>'
        f'<text x="{x + 8}" y="{y}">{text(_label(name))}<title>{text(label_of(name))}</title></text>'
    )
    if page is None:
        return f'<g class="node" data-node="{text(_key(name))}">{drawn}</g>'
    return f'<a class="node" data-node="{text(_key(name))}" href="{text(page)}">{drawn}</a>'


def _label(name: str) -> str:
    """Leave out what the heading says."""
    return label_of(name).partition("__")[2] if name.startswith("staging.") else label_of(name)


def _key(name: str) -> str:
    return name if name.startswith(PAGE) else name.rpartition(".")[2]
