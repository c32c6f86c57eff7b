"""The Postgres door: from the product's write-ahead log, and a first copy, to the durable log. Never to a warehouse."""
