"""A product whose every state can be checked: transfers between accounts, each written to several tables at once.

Each transaction moves money without making any, and says how many legs it has; so a reader who sees half of one sees
wrong sums. The source keeps its own record of every change (schema `_flux_audit`, which never replicates), against
which the history is held. A second table changes its shape all the time.
"""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg

from ingestion.warehouse.session import Session

ACCOUNTS: Final = 40
MONEY: Final = ACCOUNTS * 100
AUDITED: Final = {"account": ("id",), "transfer": ("id",), "leg": ("transfer_id", "number")}

SCHEMA: Final = """
create table account (id int primary key, balance bigint not null, long text not null);
alter table account alter long set storage external;
insert into account select i, 100, repeat(md5(i::text), 100) from generate_series(1, {accounts}) i;
create table transfer (id bigint primary key, legs int not null);
create table leg (transfer_id bigint, number int, account int not null, amount bigint not null,
    primary key (transfer_id, number));
create table loose (transfer_id bigint, remark text);
alter table loose replica identity full;
create table shifty (id bigint generated always as identity primary key, a text);
create table bulk (id int primary key, long text);
insert into bulk select i, repeat(md5(i::text), 160) from generate_series(1, 2500) i;
create schema _flux_audit;
create table _flux_audit.change (tab text, op text, said jsonb);
create sequence _flux_audit.transfers;
create function _flux_audit.note() returns trigger language plpgsql as $$
declare
    old_key jsonb; new_key jsonb;
begin
    if tg_op <> 'INSERT' then
        select jsonb_object_agg(key, value) into old_key from jsonb_each(to_jsonb(old)) where key = any (tg_argv);
    end if;
    if tg_op <> 'DELETE' then
        select jsonb_object_agg(key, value) into new_key from jsonb_each(to_jsonb(new)) where key = any (tg_argv);
    end if;
    if tg_op = 'DELETE' or (tg_op = 'UPDATE' and old_key <> new_key) then
        insert into _flux_audit.change values (tg_table_name, 'delete', old_key);
    end if;
    if tg_op <> 'DELETE' then
        insert into _flux_audit.change values (tg_table_name, lower(tg_op), to_jsonb(new));
    end if;
    return null;
end $$;
"""

# Each is 0 in every state that a reader may see. SQL of every warehouse.
LAWS: Final = {
    "money": f"select sum(balance) - {MONEY} from raw_app.account",
    "legs": """
        select count(*) from raw_app.transfer t
        left join (select transfer_id, count(*) n, sum(amount) s from raw_app.leg group by 1) l on l.transfer_id = t.id
        where t.legs <> coalesce(l.n, 0) or coalesce(l.s, 0) <> 0
    """,
    "orphans": """
        select count(*) from raw_app.leg l
        where not exists (select 1 from raw_app.transfer t where t.id = l.transfer_id)
    """,
    "loose": """
        select count(*) from raw_app.loose l
        where not exists (select 1 from raw_app.transfer t where t.id = l.transfer_id)
    """,
}
_THERE: Final = """
select count(*) from information_schema.tables
where table_schema = 'raw_app' and table_name in ('account', 'transfer', 'leg', 'loose')
"""


def broken_laws(warehouse: Session) -> list[str]:
    """Names of the laws that this one state breaks. All are read in one transaction, which must see one state."""
    warehouse.execute("begin")
    try:
        if warehouse.execute(_THERE) != [(4,)]:
            return []  # the first copy is not whole yet
        return [name for name, law in LAWS.items() if warehouse.execute(law)[0][0] != 0]
    finally:
        warehouse.execute("rollback")


def found_bank(url: str) -> None:
    """Make the tables, and the triggers that keep the source's own record."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SCHEMA.format(accounts=ACCOUNTS).encode())
        for table, key in AUDITED.items():
            arguments = ", ".join(f"'{column}'" for column in key)
            connection.execute(
                f"create trigger note after insert or update or delete on {table} "
                f"for each row execute function _flux_audit.note({arguments})".encode()
            )


@contextmanager
def open_for_business(url: str, seed: int, *, shifts: bool = True) -> Iterator[None]:
    """Let clerks write for the length of the block; what fails in one of them fails the test."""
    stop, failures = threading.Event(), list[BaseException]()
    work: list[Any] = [_transfers, _transfers, *([_shifts] if shifts else [])]

    def run(job: Any, chance: random.Random) -> None:
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                while not stop.wait(0.004):
                    job(connection, chance)
        except BaseException as error:
            failures.append(error)

    clerks = [threading.Thread(target=run, args=(job, random.Random(seed + i))) for i, job in enumerate(work)]
    for clerk in clerks:
        clerk.start()
    try:
        yield
    finally:
        stop.set()
        for clerk in clerks:
            clerk.join()
    assert not failures, failures


def _transfers(connection: psycopg.Connection[Any], chance: random.Random) -> None:
    """One transaction: a new transfer, now and then with an old one gone, renumbered or rolled back."""
    with connection.transaction(force_rollback=chance.random() < 0.1):
        amounts = [chance.randrange(1, 9) for _ in range(chance.randrange(1, 5))]
        accounts = sorted(chance.sample(range(1, ACCOUNTS + 1), len(amounts) + 1))
        ((number,),) = connection.execute("select nextval('_flux_audit.transfers')").fetchall()
        connection.execute("insert into transfer values (%s, %s)", (number, len(amounts) + 1))
        for place, (account, amount) in enumerate(zip(accounts, [*amounts, -sum(amounts)], strict=True)):
            connection.execute("update account set balance = balance + %s where id = %s", (amount, account))
            connection.execute("insert into leg values (%s, %s, %s, %s)", (number, place, account, amount))
        connection.execute("insert into loose values (%s, %s), (%s, %s)", (number, "x", number, "x"))
        if chance.random() < 0.2:
            with connection.transaction(force_rollback=True):  # a savepoint that never was
                connection.execute("delete from leg")
                connection.execute("insert into transfer values (%s, 99)", (-number - 1_000_000_000,))
        old = number - chance.randrange(20, 60)
        if chance.random() < 0.3:
            locked = connection.execute("select id from transfer where id = %s for update skip locked", (old,))
            if locked.fetchall():
                if chance.random() < 0.5:
                    connection.execute("delete from leg where transfer_id = %s", (old,))
                    connection.execute("delete from transfer where id = %s", (old,))
                    connection.execute("delete from loose where transfer_id = %s", (old,))
                else:
                    connection.execute("update leg set transfer_id = -transfer_id where transfer_id = %s", (old,))
                    connection.execute("update transfer set id = -id where id = %s", (old,))
                    connection.execute("update loose set transfer_id = -transfer_id where transfer_id = %s", (old,))


def _shifts(connection: psycopg.Connection[Any], chance: random.Random) -> None:
    """Write to the table that changes its shape, and change it now and then."""
    connection.execute("insert into shifty (a) select md5(random()::text) from generate_series(1, 3)")
    connection.execute("update shifty set a = a || '.' where id in (select id from shifty order by random() limit 2)")
    if chance.random() < 0.05:
        listed = connection.execute(
            "select attname from pg_attribute where attrelid = 'shifty'::regclass and attnum > 2 and not attisdropped"
        )
        columns = [row[0] for row in listed.fetchall()]
        fresh = f"c{chance.randrange(1_000_000)}"
        changes = [f"add column {fresh} int default 5", f"add column {fresh} text"]
        if columns:
            some = chance.choice(columns)
            changes += [f"drop column {some}", f"rename column {some} to {fresh}"]
            changes += [f"alter column {some} type text"]
        connection.execute(f"alter table shifty {chance.choice(changes)}".encode())
