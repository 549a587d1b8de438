"""Nobody changes a ledger entry: not the service, not the owner of the table, not a superuser."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from psycopg import sql

from tests.sql.events import deliver, payment
from tests.sql.purchases import balance, grant, new_user, open_purchase

if TYPE_CHECKING:
    from uuid import UUID

    from tests.sql.database import Database

RESTRICT_VIOLATION = "23001"
INSUFFICIENT_PRIVILEGE = "42501"

ON_CONFLICT_UPDATE = (
    "insert into credits.ledger_entries (user_id, kind, amount, balance_after, description, key, created_at) "
    "select user_id, kind, 1, 1, '', key, now() from credits.ledger_entries where kind = 'grant' "
    "on conflict (user_id, key) do update set amount = 1"
)
MERGE = (
    "merge into credits.ledger_entries as e using credits.accounts as a on a.user_id = e.user_id "
    "when matched then update set amount = 1"
)
CHANGES = [
    "update credits.ledger_entries set amount = 1",
    "update credits.ledger_entries set description = description where false",
    "delete from credits.ledger_entries",
    "truncate credits.ledger_entries cascade",
    "truncate credits.accounts cascade",
    "truncate credits.transactions cascade",
    ON_CONFLICT_UPDATE,
    MERGE,
]


@pytest.fixture
def user_id(db: Database) -> UUID:
    user_id = new_user(db)
    grant(db, user_id, 5)
    return user_id


@pytest.mark.parametrize("change", CHANGES)
def test_ledger_is_append_only_for_its_owner(db: Database, user_id: UUID, change: str) -> None:
    with db.refused(RESTRICT_VIOLATION):
        db.execute(sql.SQL(change))
    assert balance(db, user_id) == 5


@pytest.mark.parametrize("change", CHANGES)
def test_ledger_is_append_only_for_a_superuser(admin_db: Database, change: str) -> None:
    grant(admin_db, new_user(admin_db), 5)
    with admin_db.refused(RESTRICT_VIOLATION):
        admin_db.execute(sql.SQL(change))


@pytest.mark.parametrize("change", CHANGES)
def test_service_role_may_not_even_try_to_change_the_ledger(db: Database, user_id: UUID, change: str) -> None:
    with db.refused(INSUFFICIENT_PRIVILEGE), db.acting_as("service_role"):
        db.execute(sql.SQL(change))
    assert balance(db, user_id) == 5


def test_entry_numbers_cannot_be_chosen(db: Database, user_id: UUID) -> None:
    with db.refused("428C9"):
        db.execute(
            "insert into credits.ledger_entries (id, user_id, kind, amount, balance_after, description, key) "
            "values (1, %s, 'grant', 1, 6, '', 'k')",
            user_id,
        )


def test_entry_is_posted_once_per_key(db: Database, user_id: UUID) -> None:
    post = "select credits.post_entry(%s, 'spend', -1, 'once', 'Once', credits.draw(%s, 1))"
    db.execute(post, user_id, user_id)
    with db.refused("23505"):
        db.execute(post, user_id, user_id)
    assert balance(db, user_id) == 4


def test_lot_is_opened_once_per_key(db: Database, user_id: UUID) -> None:
    open_lots(db, user_id)
    with db.refused("23505"):
        open_lots(db, user_id)
    assert balance(db, user_id) == 6


def test_entry_of_a_user_without_an_account_is_not_posted(db: Database) -> None:
    with db.refused("P0002"):
        db.execute("select credits.post_entry(%s, 'spend', -1, 'k', 'Nobody', '{}')", uuid4())


def test_lots_are_opened_all_or_none(db: Database, user_id: UUID) -> None:
    """Neither a user without an account nor the same one twice is passed over."""
    for other in (uuid4(), user_id):
        with db.refused("P0002"):
            open_lots(db, user_id, other)
    assert balance(db, user_id) == 5


def open_lots(db: Database, *user_ids: UUID) -> None:
    db.execute(
        "select credits.open_lots(array("
        "select (id, 'grant', 1, 'key ' || n, 'Given', null, 'infinity', 50)::credits.opening "
        "from unnest(%s::uuid[]) with ordinality as users (id, n)))",
        list(user_ids),
    )


def test_user_with_a_money_history_cannot_be_deleted(db: Database) -> None:
    purchase = open_purchase(db)
    assert deliver(db, payment(purchase, "succeeded")) == ["applied"]
    with db.refused("23503"):
        db.execute("delete from auth.users where id = %s", purchase.user_id)


def test_user_without_a_money_history_can_be_deleted(db: Database) -> None:
    user_id = new_user(db)
    assert db.execute("delete from auth.users where id = %s", user_id).rowcount == 1
