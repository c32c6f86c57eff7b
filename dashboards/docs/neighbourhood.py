"""What stands around a relation, as SVG made here: two steps up, two steps down, every arrow between them.

Each box is a link. Columns follow the longest way to the relation, so that all arrows go to the right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from dashboards.docs.content import Content
from dashboards.docs.graph import PAGE, Graph
from dashboards.static.view import text

MOST_NEAR, MOST_FAR = 16, 12  # boxes one step and two steps away, on a side; the lists below the drawing are whole
PITCH, HEIGHT, GAP, LETTER, PAD = 34, 26, 36, 6.2, 14
BOLD = 1.08  # the relation itself
COLOURS = {
    "raw_app": "neutral",
    "raw_segment": "neutral",
    "_flux": "neutral",
    "staging": "external",
    "intermediate": "fourth",
    "marts": "primary",
    "reporting": "internal",
    "ml": "supply",
    "restricted": "demand",
}


@dataclass(frozen=True, slots=True)
class _Box:
    x: float
    y: float
    width: float


def colour_of(name: str) -> str:
    """Give the colour's role of a layer; a page of the dashboards has its own."""
    if name.startswith(PAGE):
        return "second"
    return COLOURS.get(name.partition(".")[0].removesuffix("_history"), "neutral")


def label_of(name: str) -> str:
    """Give the words of a box: models go by their plain name, sources keep their schema."""
    if name.startswith(PAGE):
        return name.removeprefix(PAGE)
    schema, _, relation = name.partition(".")
    return name if COLOURS.get(schema.removesuffix("_history"), "neutral") == "neutral" else relation


def draw_neighbourhood(content: Content, graph: Graph, center: str) -> str:
    """Return the drawing in its scrolling frame, with a line on what it leaves out; nothing for a lonely relation."""
    above, left_above = _around(graph.parents, center)
    below, left_below = _around(graph.children, center)
    if not above and not below:
        return ""
    levels = {center: 0}
    levels |= {name: -depth for name, depth in _depths(graph.children, center, above).items()}
    levels |= _depths(graph.parents, center, below)
    columns = _ordered(levels, graph)
    boxes, width, height = _placed(columns, center)
    edges = [
        _edge(boxes[parent], boxes[name])
        for name in sorted(levels)
        for parent in graph.parents.get(name, ())
        if parent in levels and levels[parent] < levels[name]
    ]
    drawn = "".join(_box(content, name, boxes[name], name == center) for name in boxes)
    left_out = left_above + left_below
    note = f'<p class="note">{left_out} more stand two steps away and are not drawn.</p>' if left_out else ""
    return (
        f'<div class="scroll lineage" tabindex="0" role="region" aria-label="Lineage of {text(label_of(center))}">'
        f'<svg width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
        f' data-center="{boxes[center].x + boxes[center].width / 2:.0f}">'
        f'<g class="edges">{"".join(edges)}</g>{drawn}</svg></div>{note}'
    )


def _around(next_of: Mapping[str, Sequence[str]], center: str) -> tuple[set[str], int]:
    """Collect what is within the steps on one side; returns it and how many more there are."""
    near = sorted(set(next_of.get(center, ())))
    far = sorted({name for one in near[:MOST_NEAR] for name in next_of.get(one, ())} - set(near))
    kept = {*near[:MOST_NEAR], *far[:MOST_FAR]}
    return kept, len(near) + len(far) - len(kept)


def _depths(back_of: Mapping[str, Sequence[str]], center: str, kept: set[str]) -> dict[str, int]:
    """Give each kept relation the length of its longest way to the centre within what is kept."""

    @cache
    def depth(name: str) -> int:
        return max(1 + (0 if one == center else depth(one)) for one in back_of[name] if one == center or one in kept)

    return {name: depth(name) for name in kept}


def _ordered(levels: Mapping[str, int], graph: Graph) -> list[list[str]]:
    """Order each column by the mean place of its neighbours nearer to the centre, so that few arrows cross."""
    columns: dict[int, list[str]] = {}
    for name in sorted(levels, key=lambda one: (colour_of(one), label_of(one))):
        columns.setdefault(levels[name], []).append(name)
    for level in sorted(columns, key=abs):
        if level == 0:
            continue
        towards = graph.children if level < 0 else graph.parents
        place = {name: spot for column in columns.values() for spot, name in enumerate(column)}
        offset = {name: place[name] - len(columns[levels[name]]) / 2 for name in place}

        def mean(
            name: str, towards: Mapping[str, Sequence[str]] = towards, offset: Mapping[str, float] = offset
        ) -> float:
            near = [
                offset[one] for one in towards.get(name, ()) if one in offset and abs(levels[one]) < abs(levels[name])
            ]
            return sum(near) / len(near) if near else 0.0

        columns[level].sort(key=mean)
    return [columns[level] for level in sorted(columns)]


def _placed(columns: Sequence[Sequence[str]], center: str) -> tuple[dict[str, _Box], float, float]:
    height = max(len(column) for column in columns) * PITCH + PAD
    boxes: dict[str, _Box] = {}
    x = 1.0
    for column in columns:
        width = max(len(label_of(name)) * (BOLD if name == center else 1) for name in column) * LETTER + 2 * PAD
        top = (height - len(column) * PITCH) / 2
        for spot, name in enumerate(column):
            boxes[name] = _Box(x, top + spot * PITCH + (PITCH - HEIGHT) / 2, width)
        x += width + GAP
    return boxes, x - GAP + 1, height


def _edge(start: _Box, end: _Box) -> str:
    x1, y1, x2, y2 = start.x + start.width, start.y + HEIGHT / 2, end.x, end.y + HEIGHT / 2
    bend = (x2 - x1) / 2
    return f'<path d="M{x1:.0f} {y1:.0f}C{x1 + bend:.0f} {y1:.0f} {x2 - bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"/>'


def _box(content: Content, name: str, box: _Box, chosen: bool) -> str:
    page = content.page(name)
    if name.startswith(PAGE) and content.linked:
        title = name.removeprefix(PAGE)
        page = next(
            (f"../{place.file}" for shown in content.read.values() for place in shown if place.page == title), None
        )
    stripe = f'x="{box.x + 5:.1f}" y="{box.y + 7:.1f}" width="3" height="{HEIGHT - 14}" rx="1.5"'
    shape = (
        f'<rect class="box" x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{HEIGHT}" rx="6"/>'
        f'<rect class="c-{colour_of(name)}" {stripe}/>'
        f'<text x="{box.x + PAD:.1f}" y="{box.y + HEIGHT / 2 + 4:.1f}">{text(label_of(name))}</text>'
    )
    if chosen:
        return f'<g class="node chosen">{shape}</g>'
    return f'<a class="node" href="{text(page)}">{shape}</a>' if page is not None else f'<g class="node">{shape}</g>'
