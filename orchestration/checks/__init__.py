"""Checks that are not dbt tests. Nothing here imports Dagster; `orchestration.defs` turns results into asset checks."""
