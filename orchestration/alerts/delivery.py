"""Hand due messages to their channels, each in a thread of its own: one that hangs or is down holds up no other.

A channel takes its messages in order. When it cannot be reached the rest of them waits, longer each time, at most ten
minutes. A message that it refuses is tried again as seldom, beside the others, and given up after a week.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Final

from orchestration.alerts.channels.channel import Channel, ChannelError
from orchestration.alerts.ledger import Due, Ledger

logger = logging.getLogger(__name__)
_FIRST: Final = 5.0
_LONGEST: Final = 600.0
_GIVEN_UP: Final = timedelta(days=7)


def deliver(ledger: Ledger, channels: Sequence[Channel], now: datetime) -> None:
    """Send what is due now; what was taken, and what nobody will take, is no longer due afterwards."""
    by_name = {channel.name: channel for channel in channels}
    ledger.due = [due for due in ledger.due if due.channel in by_name]  # a channel that was unset has no reader
    queues = {name: [due for due in ledger.due if due.channel == name] for name in by_name}
    waiting = {name: queue for name, queue in queues.items() if queue and _is_time(queue[0], now)}
    if not waiting:
        return
    with ThreadPoolExecutor(len(waiting), "alerts") as pool:
        done = list(pool.map(lambda name: _drain(by_name[name], waiting[name], now), waiting))
    taken = {id(due) for sent in done for due in sent}
    ledger.due = [due for due in ledger.due if id(due) not in taken]


def next_try(ledger: Ledger) -> datetime | None:
    """Say when something is due next; None when nothing is."""
    return min((due.not_before for due in ledger.due if due.not_before is not None), default=None)


def _is_time(due: Due, now: datetime) -> bool:
    return due.not_before is None or due.not_before <= now


def _drain(channel: Channel, queue: list[Due], now: datetime) -> list[Due]:
    done = []
    for due in queue:
        if not _is_time(due, now):
            continue
        try:
            channel.send(due.message)
        except ChannelError as error:
            _postpone(due, error, now)
            if error.refused:
                if now - due.message.at > _GIVEN_UP:
                    logger.error("a message is given up channel=%s rule=%s", channel.name, due.message.finding.rule)
                    done.append(due)
                continue
            for other in queue[queue.index(due) + 1 :]:
                other.not_before = due.not_before
            return done
        logger.info(
            "told channel=%s kind=%s rule=%s subject=%s",
            channel.name, due.message.kind, due.message.finding.rule, due.message.finding.subject,
        )  # fmt: skip
        done.append(due)
    return done


def _postpone(due: Due, error: ChannelError, now: datetime) -> None:
    pause = min(_FIRST * 2.0**due.tries, _LONGEST)
    due.tries, due.error, due.not_before = due.tries + 1, str(error), now + timedelta(seconds=pause)
    logger.warning("%s; trying again in %.0f s channel=%s", error, pause, due.channel)
