"""The stand-in's past, told by a process of its own, with the platform listening from day 0 on."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence

from orchestration import services
from orchestration.supervisor import Service, Supervisor

Hear = Callable[[str, int, int], None]  # step, done, total


def tell_past(
    supervisor: Supervisor, port: int, listeners: Sequence[Service], hear: Hear, *, late: Sequence[Service] = ()
) -> None:
    """Tell the past, or what is left of it, and return when it is told; the collector listens at `port` already.

    `listeners` start once day 0 is in the product: from there on all goes through the WAL; `late` ones when the days
    are told and the events are sent. `hear` is told how far it is, from a thread. Raises ServiceError when the story
    or a listener fails.
    """
    after_day_zero, after_days = threading.Event(), threading.Event()

    def heard(line: str) -> None:
        word = json.loads(line)
        if word["step"] == "slot":
            after_day_zero.set()
        if word["step"] == "events":
            after_days.set()
        hear(str(word["step"]), int(word["done"]), int(word["total"]))

    story = supervisor.run(services.story(port), heard)
    waiting = [(after_day_zero, list(listeners)), (after_days, list(late))]
    while not story.done():
        due = [(sign, started) for sign, started in waiting if sign.is_set()]
        for sign, started in due:
            supervisor.start(*started)
            waiting.remove((sign, started))
        supervisor.watch(until=lambda: story.done() or any(sign.is_set() for sign, _ in waiting))
    story.wait()
    for _, started in waiting:
        supervisor.start(*started)
