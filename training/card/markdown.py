"""Tables and lists of Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Tree = Mapping[str, Any]  # Any: a JSON tree


def table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Write a table; where it has no rows, say so instead."""
    lines = [*rows]
    if not lines:
        return ["None."]
    escaped = [[cell.replace("|", "\\|").replace("\n", " ") for cell in line] for line in lines]
    return [f"| {' | '.join(line)} |" for line in (header, ["---"] * len(header), *escaped)]


def section(title: str, *parts: str | Sequence[str]) -> list[str]:
    """Write a heading and what stands under it, an empty line between each two."""
    lines = [f"## {title}", ""]
    for part in parts:
        if part:
            lines += [part] if isinstance(part, str) else [*part]
            lines.append("")
    return lines


def number(value: float | None) -> str:
    """Write a rate."""
    return "none" if value is None else f"{value:.4g}"
