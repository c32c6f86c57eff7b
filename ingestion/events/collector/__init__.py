"""The collector: an HTTP server to which Segment's own SDKs can be pointed by changing their host."""

from ingestion.events.collector.server import CollectorConfig, serve
from ingestion.events.collector.write_keys import WriteKeys, parse_sources, parse_write_keys

__all__ = ["CollectorConfig", "WriteKeys", "parse_sources", "parse_write_keys", "serve"]
