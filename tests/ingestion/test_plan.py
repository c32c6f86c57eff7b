"""The plan takes what can replicate, refuses what would break or differ, and its advice works when it is followed."""

import psycopg
import pytest

from ingestion.errors import SourceRightsError
from ingestion.postgres.plan import COPY_BYTES_PER_SECOND, Plan, RefusedTable, make_plan
from ingestion.postgres.publication import ensure_publication
from ingestion.postgres.source import Source, connect
from tests.ingestion.roles import PASSWORD, login_role, with_user


def run(database: str, statements: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(statements.encode())


def selected(plan: Plan) -> list[str]:
    return [table.source for table in plan.selected]


def refused(plan: Plan, source: str) -> RefusedTable:
    return next(refusal for refusal in plan.refused if refusal.table.source == source)


def test_tables_of_all_schemas_but_the_system_and_machinery_are_selected(database: str) -> None:
    run(
        database,
        """
        create schema restricted; create schema "Odd Schema"; create schema demo_machinery; create schema _flux_lock;
        create table b (id int primary key); create table a (id int primary key);
        create table restricted.answers (id int primary key);
        create table "Odd Schema"."Odd, Table" (id int primary key);
        create table demo_machinery.state (id int primary key); create table _flux_lock.t (id int primary key);
        """,
    )

    assert selected(make_plan(Source(database))) == [
        "Odd Schema.Odd, Table",
        "public.a",
        "public.b",
        "restricted.answers",
    ]


def test_partitioned_table_goes_as_one_with_the_size_of_its_partitions(database: str) -> None:
    run(
        database,
        """
        create table r (id int, at date, primary key (id, at)) partition by range (at);
        create table r_2026 partition of r for values from ('2026-01-01') to ('2027-01-01') partition by range (at);
        create table r_2026_01 partition of r_2026 for values from ('2026-01-01') to ('2026-02-01');
        create table r_rest partition of r default;
        insert into r select i, date '2026-01-01' + i % 31 + i % 2 * 365 from generate_series(1, 5000) as i; analyze r;
        """,
    )

    plan = make_plan(Source(database))

    assert selected(plan) == ["public.r"]
    assert plan.tables[0].rows == 5000
    assert plan.tables[0].key == ("id", "at")
    assert plan.copy_bytes > 5000 * 32
    assert plan.copy_seconds == plan.copy_bytes / COPY_BYTES_PER_SECOND


@pytest.mark.parametrize(
    ("made", "reason", "fix"),
    [
        ("create table t (a int)", "no primary key: once published, UPDATE and DELETE", "replica identity full"),
        (
            "create table t (a int not null, b int); create unique index on t (b); create unique index t_a on t (a)",
            "no primary key",
            'replica identity using index "t_a"',
        ),
        ("create table t (a int primary key deferrable)", "its primary key is deferrable", "replica identity full"),
        (
            "create table t (a int primary key); alter table t replica identity nothing",
            "replica identity nothing",
            "replica identity default",
        ),
        (
            "create table t (a int not null, b int not null); create unique index i on t (a);"
            " alter table t replica identity using index i; drop index i",
            "the index of its replica identity is gone",
            "replica identity full",
        ),
        ("create unlogged table t (a int primary key)", "unlogged: its changes are not in the WAL", "set logged"),
        (
            "create table t (a int primary key) partition by list (a); create table p partition of t default;"
            " alter table p replica identity full",
            "partition public.p has another replica identity than the table",
            'alter table "public"."p" replica identity default',
        ),
        (
            "create table t (a int) partition by list (a); create table p partition of t default;"
            " alter table t replica identity full",
            "partition public.p: no primary key",
            'alter table "public"."p" replica identity full',
        ),
    ],
)
def test_table_that_cannot_replicate_is_refused_until_its_fix_is_run(
    database: str, made: str, reason: str, fix: str
) -> None:
    run(database, made)
    refusal = refused(make_plan(Source(database)), "public.t")

    assert reason in refusal.reason
    assert fix in str(refusal.fix)
    run(database, str(refusal.fix))
    assert selected(make_plan(Source(database))) == ["public.t"]


def test_table_refused_for_its_identity_would_indeed_break_the_products_writes(database: str) -> None:
    run(database, "create table t (a int primary key deferrable); insert into t values (1)")
    assert selected(make_plan(Source(database))) == []

    run(database, "create publication by_hand for table t")

    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="does not have a replica identity"):
        run(database, "update t set a = 2")


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ("create view t as select 1 as a", "a view"),
        ("create materialized view t as select 1 as a", "a materialised view"),
        (
            "create foreign data wrapper w; create server s foreign data wrapper w;"
            " create foreign table t (a int) server s",
            "a foreign table: its rows live elsewhere",
        ),
    ],
)
def test_relation_without_changes_of_its_own_is_refused_for_good(database: str, made: str, reason: str) -> None:
    run(database, made)

    refusal = refused(make_plan(Source(database)), "public.t")

    assert reason in refusal.reason
    assert refusal.fix is None


def test_generated_columns_and_unknown_types_are_noted(database: str) -> None:
    run(
        database,
        """
        create extension hstore; create extension citext; create type mood as enum ('fine');
        create table t (
            id int primary key, twice int generated always as (id * 2) stored, h hstore, c citext, m mood, l mood[]
        );
        """,
    )

    (planned,) = make_plan(Source(database)).tables

    assert planned.notes == (
        "generated columns stay out: twice; compute them in a model",
        "columns of types unknown to Flux land as text: h (hstore)",
    )
    assert planned.columns == ("id", "h", "c", "m", "l")


def test_table_without_key_under_identity_full_is_selected_and_noted(database: str) -> None:
    run(database, "create table t (a int); alter table t replica identity full")

    (planned,) = make_plan(Source(database)).tables

    assert planned.notes == ("no key: rows are told apart by all their columns",)


def test_plan_changes_nothing_and_says_what_would_be_created(database: str) -> None:
    run(database, 'create table t (a int primary key); create table "T" (a int primary key)')
    plan = make_plan(Source(database, slot="flux_x"))

    assert plan.creates[0] == (
        'create publication "flux" for table "public"."T", "public"."t" with (publish_via_partition_root = true)'
    )
    assert "'flux_x', 'pgoutput'" in plan.creates[1]
    with psycopg.connect(database) as connection:
        found = connection.execute(
            "select count(*) from pg_publication union all"
            " select count(*) from pg_replication_slots where slot_name = 'flux_x'"
        ).fetchall()
    assert found == [(0,), (0,)]

    run(database, plan.creates[0])
    assert "create publication" not in str(make_plan(Source(database)).creates)


def test_publication_of_flux_is_said_to_be_extended_by_a_new_table(database: str) -> None:
    run(database, "create table t (a int primary key)")
    source = Source(database)
    with connect(source) as connection:
        ensure_publication(connection, source.publication, make_plan(source).selected)
    run(database, "create table u (a int primary key)")

    plan = make_plan(source)

    assert selected(plan) == ["public.t", "public.u"]
    assert plan.creates[0] == 'alter publication "flux" add table "public"."u"'


@pytest.mark.parametrize(
    ("publication", "reason"),
    [
        ("create publication flux for table other", "which Flux did not make, does not hold it"),
        ("create publication flux for table other, t (b)", "without its key: UPDATE and DELETE of the product fail"),
    ],
)
def test_table_that_a_found_publication_leaves_out_or_breaks_is_refused_until_its_fix_is_run(
    database: str, publication: str, reason: str
) -> None:
    run(database, "create table t (a int primary key, b text); create table other (a int primary key)")
    run(database, f"{publication} with (publish_via_partition_root = true)")
    plan = make_plan(Source(database))

    assert selected(plan) == ["public.other"]
    assert reason in refused(plan, "public.t").reason
    run(database, str(refused(plan, "public.t").fix))
    assert selected(make_plan(Source(database))) == ["public.other", "public.t"]


def test_found_publication_for_all_tables_is_warned_of_where_it_breaks_writes_already(database: str) -> None:
    run(database, "create table t (a int primary key); create table log (line text)")
    run(database, "create publication flux for all tables with (publish_via_partition_root = true)")

    plan = make_plan(Source(database))

    assert selected(plan) == ["public.t"]
    assert any("UPDATE and DELETE fail already, without Flux, on public.log" in warning for warning in plan.warnings)


def test_rows_that_the_role_may_not_see_keep_a_table_out(database: str) -> None:
    with login_role(database) as role:
        run(
            database,
            f"""
            create table seen (a int primary key); create table unseen (a int primary key);
            create table veiled (a int primary key); alter table veiled enable row level security;
            grant select on seen, veiled to {role};
            """,
        )
        plan = make_plan(Source(with_user(database, f"{role}:{PASSWORD}")))

        assert selected(plan) == ["public.seen"]
        assert "row security hides rows" in refused(plan, "public.veiled").reason
        unseen = refused(plan, "public.unseen")
        assert unseen.fix == f'grant usage on schema "public" to {role}; grant select on "public"."unseen" to {role}'


def test_role_that_owns_no_table_is_told_what_an_administrator_runs(database: str) -> None:
    with login_role(database) as role:
        run(database, f"create table t (a int primary key); grant select on t to {role}; alter role {role} replication")
        run(
            database, f"do $$ begin execute format('grant create on database %I to {role}', current_database()); end $$"
        )
        source = Source(with_user(database, f"{role}:{PASSWORD}"))
        plan = make_plan(source)

        with pytest.raises(SourceRightsError, match=r"owns 0 of 1 \(not public.t\); let an administrator run: create"):
            plan.require()
        run(database, plan.creates[0])
        make_plan(source).require()


def test_slot_that_keeps_wal_without_limit_is_warned_of(database: str) -> None:
    warnings = make_plan(Source(database)).warnings

    assert any(warning.startswith("max_slot_wal_keep_size is -1") for warning in warnings)


def test_table_that_keeps_the_stream_from_being_binary_is_warned_of(database: str) -> None:
    run(database, "create type pair as (a int, b text); create table t (id int primary key, p pair)")

    expected = "column 'p' of 'public.t' cannot be streamed in binary: all values are streamed as text"

    assert expected in make_plan(Source(database, wire="binary")).warnings
    assert expected not in make_plan(Source(database)).warnings
