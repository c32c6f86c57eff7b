"""The load: what the log holds, into the warehouse, exactly once."""
