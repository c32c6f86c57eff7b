"""Values that the stream sends in Postgres' binary form (`binary 'true'`), turned into Postgres' own text.

So that stream, copy and the source's text are one form, whatever the wire's: the text is that of a session with ISO
dates, UTC, intervalstyle postgres, extra_float_digits 3 and hexadecimal bytea (`ingestion.postgres.source`). Source:
the send and out functions of PostgreSQL 18. Common scalar types are decoded a column at a time; rare ones (intervals,
addresses, geometry, bits) and nested ones (arrays, ranges) are taken apart value by value, their parts decoded at once.

Pure. Raises WireError on malformed bytes, and never reads beyond a value's end.
"""

from ingestion.postgres.pgoutput.binary.codecs import codec
from ingestion.postgres.pgoutput.binary.columns import column_text

__all__ = ["codec", "column_text"]
