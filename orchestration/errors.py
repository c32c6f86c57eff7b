"""What may go wrong in the clockwork; the command line prints each as one line and exits 1.

    FluxError
    ├── SettingError           a FLUX_* variable is unknown or has a value that cannot be meant
    ├── NotBuiltYetError       a part that a later version brings
    ├── PortTakenError         another program listens where we should
    ├── ServiceError           a process of ours did not come up, or died
    ├── PushError              a receiver did not take the metrics
    ├── BuildError             a step of the asset graph, or dbt itself, failed
    ├── BackupError            a backup cannot be made, is damaged, or would be put over something
    └── DemoRefusedError       the stand-in would meet a real source

The rooms have their own roots (IngestionError, TrainingError, DashboardError, DemoError), printed in the same way.
"""


class FluxError(Exception):
    """Something that a person can mend; the message says what happened, the values, and what to do."""


class SettingError(FluxError):
    """A FLUX_* variable is unknown or has a value that cannot be meant."""


class NotBuiltYetError(FluxError):
    """The command or setting is planned, and not there."""


class PortTakenError(FluxError):
    """Another program listens on the port."""


class ServiceError(FluxError):
    """A process of ours did not come up, or died."""


class PushError(FluxError):
    """A receiver did not take the metrics; nothing waits for it."""


class BuildError(FluxError):
    """A step of the asset graph failed; the message names the first failure and the log."""


class BackupError(FluxError):
    """A backup cannot be made, is damaged, or would be put over something."""


class DemoRefusedError(FluxError):
    """The stand-in product was asked for while a real source is set."""
