"""The little Markdown that cards are written in, as HTML: headings, lists, tables, fenced code, `code`, links.

Pure and strict in one thing: every character of the text is escaped before any tag is made.
"""

import re
from collections.abc import Iterator
from html import escape

_CODE = re.compile(r"`([^`]+)`")
_STRONG = re.compile(r"\*\*([^*]+)\*\*")


def to_html(text: str) -> str:
    """Return the HTML of a card."""
    return "\n".join(_blocks(text.splitlines()))


def _blocks(lines: list[str]) -> Iterator[str]:
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line:
            at += 1
            continue
        if line.startswith("```"):
            end = next((place for place in range(at + 1, len(lines)) if lines[place].startswith("```")), len(lines))
            yield f"<pre>{escape(chr(10).join(lines[at + 1 : end]))}</pre>"
            at = end + 1
            continue
        heading = re.match(r"(#+) (.*)", line)
        if heading:
            level = min(len(heading[1]), 6)
            yield f"<h{level}>{_inline(heading[2])}</h{level}>"
            at += 1
            continue
        kind = _kind(line)
        end = at + 1
        while end < len(lines) and lines[end] and (_kind(lines[end]) == kind or lines[end].startswith("  ")):
            end += 1
        yield {"list": _list, "table": _table, "text": _paragraph}[kind](lines[at:end])
        at = end


def _kind(line: str) -> str:
    if line.startswith("- "):
        return "list"
    if line.startswith(("#", "```")):
        return "other"
    return "table" if line.startswith("|") else "text"


def _list(lines: list[str]) -> str:
    items = re.split(r"^- ", "\n".join(lines), flags=re.MULTILINE)[1:]
    return f"<ul>{''.join(f'<li>{_inline(item)}</li>' for item in items)}</ul>"


def _table(lines: list[str]) -> str:
    rows = [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip()[1:-1])] for line in lines]
    head, body = rows[0], [row for row in rows[1:] if not all(re.fullmatch(r":?-+:?", cell) for cell in row)]
    return table_html([_inline(cell) for cell in head], [[_inline(cell) for cell in row] for row in body])


def table_html(head: list[str], rows: list[list[str]]) -> str:
    """Return a table of cells that are HTML already."""
    told = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f'<div class="wide"><table><thead><tr>{"".join(f"<th>{cell}</th>" for cell in head)}</tr></thead>'
        f"<tbody>{told}</tbody></table></div>"
    )


def _paragraph(lines: list[str]) -> str:
    return f"<p>{_inline(' '.join(lines))}</p>"


def _inline(text: str) -> str:
    return _STRONG.sub(r"<strong>\1</strong>", _CODE.sub(r"<code>\1</code>", escape(text)))
