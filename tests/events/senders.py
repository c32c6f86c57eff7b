"""Clients as processes of their own: `python -m tests.events.senders sdk|bulk URL KEY EVENTS NAME`.

`sdk` is Segment's Python SDK, which gives up after its retries; what it gave up it says at the end. `bulk` posts
batches of 100 and sends each again until it has its 200.
"""

import http.client
import json
import sys
import threading
from collections.abc import Iterator
from itertools import islice
from urllib.parse import urlsplit

from segment.analytics import Client

_PAUSE_SECONDS = 0.02


def sdk(url: str, key: str, events: int, name: str) -> int:
    """Send by the SDK; how many events it gave up."""
    dropped: list[int] = []
    client = Client(
        key, host=url, gzip=True, upload_interval=0.05, on_error=lambda error, batch: dropped.append(len(batch))
    )
    for number in range(events):
        while not client.track(name, "Thing Done", {"number": number, "sender": name})[0]:
            threading.Event().wait(_PAUSE_SECONDS)  # its queue is full: it would drop the event
    client.shutdown()
    return sum(dropped)


def bulk(url: str, key: str, events: int, name: str) -> int:
    """Send in batches, again and again."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
    calls = _calls(events, name)
    while batch := list(islice(calls, 100)):
        body = b'{"writeKey":"%b","batch":[%b]}' % (key.encode(), b",".join(batch))
        while not _taken(connection, body):
            threading.Event().wait(_PAUSE_SECONDS)
    return 0


def _calls(events: int, name: str) -> Iterator[bytes]:
    for number in range(events):
        call = {
            "type": "track", "event": "Thing Done", "userId": name, "messageId": f"{name}-{number}",
            "properties": {"number": number, "sender": name, "text": "x" * 500},
        }  # fmt: skip
        yield json.dumps(call).encode()


def _taken(connection: http.client.HTTPConnection, body: bytes) -> bool:
    try:
        connection.request("POST", "/v1/batch", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        return False
    return answer.status == 200


if __name__ == "__main__":
    kind, *rest = sys.argv[1:]
    url, key, events, name = rest
    print({"sdk": sdk, "bulk": bulk}[kind](url, key, int(events), name))
