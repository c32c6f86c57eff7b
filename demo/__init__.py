"""The stand-in for the product: its schema, a seeded simulator, its Segment calls.

    server = Server(directory)                     # an embedded Postgres of its own; or use an empty database's URL
    demo = Demo(server.start(), seed=1, scale=0.1)
    demo.create_schema()
    demo.load_day_zero(progress)                   # the product as it is on day 0, by COPY
    demo.run_days(progress)                        # half a year through the WAL, transaction by transaction
    demo.send_events("http://127.0.0.1:8675", write_key, progress)
    demo.live(rate=5, stop=event)                  # goes on in real time

Talks to the platform as the product does: through Postgres and HTTP. Never writes anywhere but to its own embedded
server or to an empty database that was named for it. Same seed, scale and end date: same rows, same events.

`Demo` and `Server` are imported on first use: numpy and psycopg take half a second, which `flux --help` cannot spare.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from demo.config import DemoConfig as DemoConfig
    from demo.delivery import Delivery as Delivery
    from demo.product import Demo as Demo
    from demo.server import Server as Server

__all__ = ["Delivery", "Demo", "DemoConfig", "Server"]
_HOMES = {"Demo": "product", "DemoConfig": "config", "Delivery": "delivery", "Server": "server"}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"demo.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'demo' has no attribute {name!r}")
