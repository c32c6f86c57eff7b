"""`flux events tail`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from orchestration.cli.output import examples, json_option, plain, read_settings
from orchestration.cli.stopping import stop_on_signals

if TYPE_CHECKING:
    from orchestration.walk.events import Tailed

COLOURS = {"lands": "green", "allowed": "yellow", "omits": "yellow", "quarantined": "red"}


@click.command(
    epilog=examples(
        "flux events tail",
        "flux events tail --follow --source web",
        "flux events tail --last 1000 --json | jq 'select(.verdict != \"lands\")'",
    )
)
@click.option("--source", help="Events of this source only.")
@click.option("--last", type=click.IntRange(0), default=20, show_default=True, help="Begin with so many from before.")
@click.option("--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--values", is_flag=True, help="Show the events themselves, too: they hold personal data.")
@json_option
def command(source: str | None, last: int, follow: bool, values: bool, as_json: bool) -> int:
    """Show the newest events of the log, with what will become of them.

    The verdict is that of the contract and the tracking plan of now: lands; allowed (lands, though the plan has
    something against it); omits (parts of it in _extra); quarantined. Reads the log alone, so neither a load nor a
    build is in its way, and whether an id is known already is not asked. No value is shown unless --values asks for it.
    """
    from orchestration.walk import events

    settings = read_settings()
    with stop_on_signals() as stop:
        for seen in events.tail(settings, source=source, last=last, follow=follow, stop=stop):
            click.echo(_json(seen, values) if as_json else _line(seen, values))
    return 0


def _json(tailed: Tailed, values: bool) -> str:
    seen = tailed.seen
    document = {
        "received_at": seen.received_at,
        "source": seen.source,
        "type": seen.type,
        "event": seen.event,
        "message_id": seen.message_id,
        "verdict": seen.verdict,
        "reason": seen.reason,
        "position": tailed.position,
        **({"value": tailed.record.decode(errors="backslashreplace")} if values else {}),
    }
    return json.dumps(plain(document), ensure_ascii=True)


def _line(tailed: Tailed, values: bool) -> str:
    seen = tailed.seen
    parts = [
        seen.received_at[:23],
        seen.source,
        seen.type or "?",
        repr(seen.event) if seen.event else "",
        seen.message_id,
    ]
    told = click.style(seen.verdict, fg=COLOURS[seen.verdict])
    line = "  ".join(_safe(part) for part in parts if part) + f"  {told}"
    if seen.reason is not None:
        line += f": {_safe(seen.reason)}"
    return line + (f"\n  {_safe(tailed.record.decode(errors='backslashreplace'))}" if values else "")


def _safe(text: str) -> str:
    """What a client sent must not steer the terminal."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
