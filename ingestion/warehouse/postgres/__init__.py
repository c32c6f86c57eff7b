"""Postgres as the warehouse."""
