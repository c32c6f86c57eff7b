"""What can go wrong with a Metabase.

MetabaseError(DashboardError)
├── MetabaseUnreachableError   no answer, or none that Metabase gives
├── MetabaseRefusedError       it answered with an error; `status` is HTTP's
│   └── MetabaseMissingError   404: the object or the route is not there
├── MetabaseVersionError       older than what this room speaks
├── ChannelError               something is to be sent by a channel that is not set up there
├── SetUpError                 an empty server cannot be set up, or does not come up
├── AdoptError                 a dashboard cannot be taken into a definition
├── EmbedError                 no address can be signed
├── EditedError                somebody edited there: the plan would overwrite it, or is out of date
└── LostWriteError             it said yes and did something else
"""

from __future__ import annotations

from dashboards.errors import DashboardError


class MetabaseError(DashboardError):
    """Root of what this room raises on purpose."""


class MetabaseUnreachableError(MetabaseError):
    """No answer, or none that Metabase gives."""


class MetabaseRefusedError(MetabaseError):
    """The server answered with an error."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class MetabaseMissingError(MetabaseRefusedError):
    """The object or the route is not there."""


class MetabaseVersionError(MetabaseError):
    """The server is older than what this room speaks."""


class ChannelError(MetabaseError):
    """Something is to be sent by a channel that is not set up there."""


class SetUpError(MetabaseError):
    """An empty server cannot be set up, or does not come up."""


class AdoptError(MetabaseError):
    """A dashboard cannot be taken into a definition."""


class EmbedError(MetabaseError):
    """No address can be signed."""


class EditedError(MetabaseError):
    """Somebody edited in Metabase what would be written over."""


class LostWriteError(MetabaseError):
    """The server accepted a write, and reading it back gives something else."""
