"""What Postgres' `pgoutput` plugin and COPY BINARY send, decoded by columns.

Source: PostgreSQL manual 54.5 (streaming replication), 54.9 (logical replication message formats), COPY. Pure: bytes
in, values out; no socket, no clock, no logging. Raises WireError on malformed bytes, never returns part of a value.
`binary` turns values that came in binary form into Postgres' text.
"""

from ingestion.postgres.pgoutput.copy_binary import decode_copy
from ingestion.postgres.pgoutput.messages import (
    Changes,
    Messages,
    OpenTransaction,
    Transactions,
    begun_transaction,
    truncated_oids,
)
from ingestion.postgres.pgoutput.relation import Column, Relation, RelationMessage
from ingestion.postgres.pgoutput.tuples import Values

__all__ = [
    "Changes",
    "Column",
    "Messages",
    "OpenTransaction",
    "Relation",
    "RelationMessage",
    "Transactions",
    "Values",
    "begun_transaction",
    "decode_copy",
    "truncated_oids",
]
