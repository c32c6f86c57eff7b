"""Errors of the demo room.

DemoError
├── ServerError            the embedded Postgres cannot be placed, started or stopped
├── NotOursError           the database holds something else; the demo never writes there
├── DemoConfigError        seed, scale or end date cannot be used, or are not those the database was filled with
├── SimulationError        the product's database refused a simulated transaction
└── EventDeliveryError     the collector did not take events, or the SDK dropped some
"""


class DemoError(Exception):
    """Root of all errors that this package raises on purpose."""


class ServerError(DemoError):
    """The embedded Postgres cannot be placed, started or stopped."""


class NotOursError(DemoError):
    """The database holds something that the demo did not make. Nothing was written."""


class DemoConfigError(DemoError):
    """Seed, scale or end date cannot be used, or differ from those that the database was filled with."""


class SimulationError(DemoError):
    """The product's database refused a simulated transaction. The same call goes on after the cause is gone."""


class EventDeliveryError(DemoError):
    """The collector did not take events, or the SDK dropped some. A re-run sends the rest."""
