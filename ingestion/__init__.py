"""Bring the product's data into the warehouse: two doors, one log, one load. Knows nothing of Dagster or dbt."""
