"""The fixtures that every room's tests use."""

import psycopg


def test_database_is_empty_and_can_decode_logically(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        relations = connection.execute("select 1 from pg_class where relnamespace = 'public'::regnamespace")
        assert relations.fetchone() is None
        # Left behind on purpose: the fixture drops it with the database.
        connection.execute("select pg_create_logical_replication_slot('left_by_' || current_database(), 'pgoutput')")
