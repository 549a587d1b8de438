"""Row-level security: everybody sees their own rows, and no way of asking shows anybody else's."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID, uuid4

import pytest
from psycopg import sql

from tests.sql.events import deliver, payment
from tests.sql.purchases import Purchase, grant, hold, new_package, new_user, open_purchase

if TYPE_CHECKING:
    from tests.sql.database import Database

VIEWS = ["credit_balance", "credit_transactions", "credit_lots", "credit_ledger"]
TABLES = ["accounts", "transactions", "ledger_entries", "lots", "holds"]
RELATIONS = [*(f"public.{view}" for view in VIEWS), *(f"credits.{table}" for table in TABLES)]


class Users(NamedTuple):
    """Two users, each with an account, a purchase and ledger entries."""

    mine: Purchase
    theirs: Purchase


@pytest.fixture
def users(db: Database) -> Users:
    purchases = Users(open_purchase(db), open_purchase(db))
    for purchase in purchases:
        assert deliver(db, payment(purchase, "succeeded")) == ["applied"]
        grant(db, purchase.user_id, 5)
        hold(db, purchase.user_id, 1)
    return purchases


def named(relation: str) -> sql.Identifier:
    return sql.Identifier(*relation.split("."))


def users_seen(db: Database, relation: str, condition: str = "true", *params: object) -> set[UUID]:
    query = sql.SQL("select user_id from {} where ").format(named(relation)) + sql.SQL(condition)
    return set(db.column(query, *params))


@pytest.mark.parametrize("relation", RELATIONS)
def test_user_sees_own_rows_alone(db: Database, users: Users, relation: str) -> None:
    with db.acting_as("authenticated", users.mine.user_id):
        assert users_seen(db, relation) == {users.mine.user_id}


@pytest.mark.parametrize("relation", RELATIONS)
def test_no_filter_shows_the_rows_of_another_user(db: Database, users: Users, relation: str) -> None:
    theirs = users.theirs.user_id
    with db.acting_as("authenticated", users.mine.user_id):
        assert users_seen(db, relation, "user_id = %s", theirs) == set()
        assert users_seen(db, relation, "user_id <> %s", users.mine.user_id) == set()
        assert users_seen(db, relation, "user_id = %s or true", theirs) == {users.mine.user_id}
        assert users_seen(db, relation, "user_id in (%s, %s)", *(p.user_id for p in users)) == {
            users.mine.user_id
        }


@pytest.mark.parametrize("relation", RELATIONS)
def test_counts_are_of_own_rows(db: Database, users: Users, relation: str) -> None:
    count = sql.SQL("select count(*) from {}").format(named(relation))
    own = db.value(int, count + sql.SQL(" where user_id = %s"), users.mine.user_id)
    assert own > 0

    with db.acting_as("authenticated", users.mine.user_id):
        assert db.value(int, count) == own
        assert db.value(int, count + sql.SQL(" where user_id = %s"), users.theirs.user_id) == 0


def test_joins_through_the_views_stay_with_the_user(db: Database, users: Users) -> None:
    with db.acting_as("authenticated", users.mine.user_id):
        assert db.column(
            "select distinct ledger.user_id from public.credit_packages as package "
            "left join public.credit_transactions as bought on bought.package_id = package.id "
            "left join public.credit_ledger as ledger on ledger.transaction_id = bought.id "
            "left join public.credit_balance as balance on balance.user_id = ledger.user_id "
            "where ledger.user_id is not null"
        ) == [users.mine.user_id]
        assert (
            db.column(
                "select b.user_id from public.credit_balance as b "
                "where exists (select from public.credit_ledger as l where l.transaction_id = %s)",
                users.theirs.id,
            )
            == []
        )


@pytest.mark.parametrize("relation", RELATIONS)
def test_a_cheap_function_in_a_filter_is_never_shown_another_users_row(
    db: Database, users: Users, relation: str
) -> None:
    """Postgres runs cheap filters first, unless a policy stands before them."""
    with db.acting_as("authenticated", users.mine.user_id):
        db.execute(
            "create function pg_temp.note(id uuid) returns boolean language plpgsql cost 0.000001 as "
            "$$ begin perform set_config('topup.noted', current_setting('topup.noted', true) || id, true); "
            "return true; end $$"
        )
        db.execute("select set_config('topup.noted', '-', true)")
        users_seen(db, relation, "pg_temp.note(user_id)")
        noted = db.value(str, "select current_setting('topup.noted')")
    assert str(users.mine.user_id) in noted
    assert str(users.theirs.user_id) not in noted


@pytest.mark.parametrize("relation", RELATIONS)
def test_auth_uid_null_sees_nothing(db: Database, users: Users, relation: str) -> None:
    with db.acting_as("authenticated"):
        assert db.column("select auth.uid()") == [None]
        assert users_seen(db, relation) == set()
        assert users_seen(db, relation, "user_id = %s", users.mine.user_id) == set()
        assert users_seen(db, relation, "auth.uid() is null or user_id is not null") == set()


@pytest.mark.parametrize("relation", RELATIONS)
def test_service_role_sees_everybody(db: Database, users: Users, relation: str) -> None:
    with db.acting_as("service_role"):
        assert users_seen(db, relation) >= {purchase.user_id for purchase in users}


def test_balance_is_one_row_of_zero_before_the_first_purchase(db: Database) -> None:
    user_id = new_user(db)
    with db.acting_as("authenticated", user_id):
        assert db.rows("select user_id, balance, held, currency from public.credit_balance") == [
            {"user_id": user_id, "balance": Decimal("0.00"), "held": Decimal("0.00"), "currency": "usd"}
        ]


def test_balance_is_one_row_after_a_purchase(db: Database, users: Users) -> None:
    with db.acting_as("authenticated", users.mine.user_id):
        [row] = db.rows("select balance::text, currency from public.credit_balance")
    assert row == {"balance": "20.00", "currency": "usd"}


def test_asking_for_the_balance_opens_no_account(db: Database) -> None:
    user_id = new_user(db)
    with db.acting_as("authenticated", user_id):
        db.rows("select * from public.credit_balance")
    assert db.column("select user_id from credits.accounts where user_id = %s", user_id) == []


def test_a_token_of_a_user_who_is_gone_sees_a_balance_of_zero(db: Database, users: Users) -> None:
    with db.acting_as("authenticated", uuid4()):
        assert db.column("select balance from public.credit_balance") == [Decimal("0.00")]
        assert users_seen(db, "public.credit_transactions", "id = %s", users.mine.id) == set()


def test_packages_off_sale_are_hidden_from_users_and_shown_to_the_service(db: Database) -> None:
    on_sale, retired = new_package(db), new_package(db, is_active=False)
    select = "select id from public.credit_packages where id in (%s, %s)"

    with db.acting_as("authenticated", new_user(db)):
        assert db.column(select, on_sale, retired) == [on_sale]
    with db.acting_as("service_role"):
        assert set(db.column(select, on_sale, retired)) == {on_sale, retired}


def test_transactions_show_amounts_and_times_as_the_contract_does(db: Database, users: Users) -> None:
    db.execute(
        "update credits.transactions set created_at = '2023-01-01 01:00:00.9+01' where id = %s", users.mine.id
    )
    with db.acting_as("authenticated", users.mine.user_id):
        [row] = db.rows(
            "select amount::text, credits::text, refunded_amount::text, disputed_amount::text, status, "
            "created_at_iso, description from public.credit_transactions"
        )
    assert row == {
        "amount": "15.00",
        "credits": "15.00",
        "refunded_amount": "0.00",
        "disputed_amount": "0.00",
        "status": "succeeded",
        "created_at_iso": "2023-01-01T00:00:00Z",
        "description": "Test Package purchase",
    }


def test_ledger_shows_each_movement_with_its_reason(db: Database, users: Users) -> None:
    with db.acting_as("authenticated", users.mine.user_id):
        rows = db.rows(
            "select kind, amount::text, balance_after::text, description, transaction_id "
            "from public.credit_ledger order by id"
        )
    assert [tuple(row.values()) for row in rows] == [
        ("purchase", "15.00", "15.00", "Test Package purchase", users.mine.id),
        ("grant", "5.00", "20.00", "Welcome", None),
    ]
