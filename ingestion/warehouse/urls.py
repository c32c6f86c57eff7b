"""The kinds of warehouse, by the begin of their URLs."""

from typing import Final

DUCKDB: Final = "duckdb:///"
POSTGRES: Final = ("postgresql://", "postgres://")
