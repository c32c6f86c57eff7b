"""Errors of the ingestion room.

IngestionError
├── LogError                 the durable log cannot be read or written
│   ├── LogWriteError        nothing of this commit is durable; the writer may try again
│   ├── LogCorruptError      acknowledged bytes are gone or changed
│   └── LogNewerError        a newer Flux wrote it, in a form that this one does not know
├── WireError                bytes that are not what the protocol says
├── SourceError              the product's Postgres refuses, or is not as it must be
│   ├── SourceUnreachableError   no connection: host, port, database name, transport
│   ├── SourceLoginError     password missing or refused, or no pg_hba.conf line lets us in
│   ├── SourceSettingError   a setting of the server forbids logical replication
│   │   ├── SourceVersionError   the server's release is too old
│   │   └── WalLevelError    wal_level is not 'logical'
│   ├── SourceRightsError    the role lacks a right
│   ├── SourceCapacityError  no replication slot or walsender is free
│   ├── SourceChangedError   the URL leads to another server than the log was written from
│   ├── SourceGapError       the source no longer holds what the log lacks
│   │   ├── SlotTooOldError  the slot's changes are from before its publication was made
│   │   ├── SourceRestoredError  the source was put back from an older copy
│   │   └── WalBudgetError   the slot held back more WAL than it may, and was given up
├── SelectionError           a selection file or its key is not one, or what it selects cannot be told apart
├── CollectorError           the collector cannot start: address, write keys
├── CallRefusedError         an event is not a Segment call; it goes to quarantine
├── TrackingPlanError        a tracking plan is not one
├── ImportedFileError        a file of events or of a vendor cannot be read, or is not what its mapping says
├── LoadError                the warehouse cannot take what the log holds
├── VerifyError              source and warehouse cannot be brought to one position, or the history does not replay
└── WarehouseError           the warehouse cannot be opened, owned or published
    ├── WarehouseNewerError  a newer Flux wrote it, in a form that this one does not know
    ├── LeaseError           another process holds the warehouse
    └── PublishError         the copy for readers could not be made; the old one is still there
"""


class IngestionError(Exception):
    """Root of all errors that this package raises on purpose."""


class LogError(IngestionError):
    """The durable log cannot be read or written."""


class LogWriteError(LogError):
    """Nothing of this commit is durable. The segment was abandoned; the next commit opens a new one."""


class LogCorruptError(LogError):
    """Bytes of the log that were acknowledged are gone or changed."""


class LogNewerError(LogError):
    """A newer Flux wrote the log, in a form that this one does not know. Nothing is read, written or cut off."""


class WireError(IngestionError):
    """Bytes that are not what the protocol says."""


class SourceError(IngestionError):
    """The product's Postgres refuses, cannot be reached, or is not as it must be."""


class SourceUnreachableError(SourceError):
    """No connection to the product's Postgres: host, port, database name, transport."""


class SourceLoginError(SourceError):
    """The product's Postgres does not let the role in: password missing or refused, or no line of pg_hba.conf."""


class SourceSettingError(SourceError):
    """A setting of the product's Postgres forbids logical replication."""


class SourceVersionError(SourceSettingError):
    """The product's Postgres is of a release that Flux does not replicate from."""


class WalLevelError(SourceSettingError):
    """The product's Postgres does not write what logical replication needs."""


class SourceRightsError(SourceError):
    """The role lacks a right that replication needs."""


class SourceCapacityError(SourceError):
    """No replication slot or walsender is free at the source."""


class SourceChangedError(SourceError):
    """The URL leads to another server than the log was written from."""


class SourceGapError(SourceError):
    """The source no longer holds changes that the log lacks."""


class SlotTooOldError(SourceGapError):
    """The slot holds changes from before its publication was made, which Postgres up to 17 cannot send."""


class SourceRestoredError(SourceGapError):
    """The source was put back from an older copy: its history is another one than the log's."""


class WalBudgetError(SourceGapError):
    """The slot held back more WAL at the source than it may, and was given up."""


class SelectionError(IngestionError):
    """A selection file or the key of its hashes cannot be used, or a table cannot be split as it says."""


class CollectorError(IngestionError):
    """The collector cannot start: its address is taken or its write keys cannot be read."""


class CallRefusedError(IngestionError):
    """An event is not a Segment call. The message is the reason that quarantine shows; it holds no value."""


class TrackingPlanError(IngestionError):
    """A tracking plan cannot be read, or says what no plan can say."""


class ImportedFileError(IngestionError):
    """A file of events or of a vendor's objects cannot be read, or is not what its mapping says."""


class LoadError(IngestionError):
    """The warehouse cannot take what the log holds."""


class WarehouseError(IngestionError):
    """The warehouse cannot be opened, owned or published."""


class WarehouseNewerError(WarehouseError):
    """A newer Flux wrote the warehouse, in a form that this one does not know. It was left as it is."""


class LeaseError(WarehouseError):
    """Another process, or this very thread, holds the warehouse."""


class PublishError(WarehouseError):
    """The copy for readers could not be made; the old one is still in its place."""


class VerifyError(IngestionError):
    """Source and warehouse cannot be brought to one position, or the history does not replay to the mirror."""
