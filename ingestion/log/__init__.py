"""The durable log: the corridor between the doors and the warehouse.

A door appends what it received, verbatim, and acknowledges it only after `LogWriter.commit` returned. A reader sees
only what was committed. The log knows nothing of what its records mean: a block carries a kind, records, and a mark
that its door gives it (for the write-ahead log: the end of the last whole transaction in the block).
"""

from ingestion.log.reader import LogReader
from ingestion.log.segment import Block, LogPosition
from ingestion.log.writer import LogWriter

__all__ = ["Block", "LogPosition", "LogReader", "LogWriter"]
