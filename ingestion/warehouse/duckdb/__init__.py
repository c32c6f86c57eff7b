"""DuckDB as the warehouse: connection, machinery tables, and the SQL of the load."""
