"""The collector: an HTTP server to which Segment's own SDKs can be pointed by changing their host."""

from ingestion.events.collector.limits import Limits
from ingestion.events.collector.server import CollectorConfig, serve
from ingestion.events.collector.sources_file import SourcesFile
from ingestion.events.collector.write_keys import Source, Sources, parse_sources, parse_write_keys

__all__ = [
    "CollectorConfig",
    "Limits",
    "Source",
    "Sources",
    "SourcesFile",
    "parse_sources",
    "parse_write_keys",
    "serve",
]
