"""Rules that hold for every object of the schema, read from Postgres's own catalogue."""

# ruff: noqa: S608 -- statements are put together from literals of this file alone

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.sql.expected_privileges import EXECUTABLE_BY, SERVICE

if TYPE_CHECKING:
    from tests.sql.database import Database

OURS = "('credits'::regnamespace, 'public'::regnamespace)"


def functions(db: Database, condition: str) -> set[str]:
    db.execute("set local search_path = ''")
    return set(
        db.column(
            "select p.oid::regprocedure::text from pg_catalog.pg_proc as p "
            f"where p.pronamespace in {OURS} and {condition}"
        )
    )


def relations(db: Database, condition: str) -> set[str]:
    db.execute("set local search_path = ''")
    return set(
        db.column(
            "select c.oid::regclass::text from pg_catalog.pg_class as c "
            f"where c.relnamespace in {OURS} and {condition}"
        )
    )


def test_every_function_has_an_empty_search_path(db: Database) -> None:
    pinned = functions(db, "p.proconfig @> array['search_path=\"\"']")
    assert pinned == EXECUTABLE_BY.keys()


def test_security_definer_functions_are_for_the_service_alone(db: Database) -> None:
    definers = functions(db, "p.prosecdef")
    ours = {function for function in EXECUTABLE_BY if function.startswith("public.")}
    assert definers == ours - {"public.credit_schema_version()"}
    grants = db.rows(
        "select p.oid::regprocedure::text as function, coalesce(r.rolname, 'public') as grantee "
        "from pg_catalog.pg_proc as p cross join pg_catalog.aclexplode(p.proacl) as acl "
        "left join pg_catalog.pg_roles as r on r.oid = acl.grantee "
        "where p.prosecdef and p.pronamespace = 'public'::regnamespace and acl.grantee <> p.proowner"
    )
    assert {row["function"] for row in grants} == definers
    assert {row["grantee"] for row in grants} == SERVICE


def test_every_table_is_under_row_level_security(db: Database) -> None:
    tables = relations(db, "c.relkind in ('r', 'p')")
    assert tables
    assert relations(db, "c.relkind in ('r', 'p') and c.relrowsecurity") == tables


def test_policies_only_let_signed_in_users_read(db: Database) -> None:
    policies = db.rows(
        "select tablename, cmd, roles::text[], permissive, qual from pg_policies where schemaname = 'credits'"
    )
    assert {(p["cmd"], tuple(p["roles"]), p["permissive"]) for p in policies} == {
        ("SELECT", ("authenticated",), "PERMISSIVE")
    }
    assert {p["tablename"]: "auth.uid()" in p["qual"] for p in policies} == {
        "accounts": True,
        "holds": True,
        "ledger_entries": True,
        "lots": True,
        "packages": False,
        "settings": False,
        "transactions": True,
    }


def test_every_view_runs_with_the_rights_of_its_reader(db: Database) -> None:
    views = relations(db, "c.relkind = 'v'")
    assert views
    assert relations(db, "c.relkind = 'v' and c.reloptions @> array['security_invoker=true']") == views


def test_nothing_runs_with_more_rights_than_its_owner_who_is_no_superuser(db: Database) -> None:
    owners = db.rows(
        "select distinct r.rolname, r.rolsuper from ("
        f"select relowner as owner from pg_class where relnamespace in {OURS} "
        f"union all select proowner from pg_proc where pronamespace in {OURS}"
        ") as o join pg_roles as r on r.oid = o.owner"
    )
    assert owners == [{"rolname": "postgres", "rolsuper": False}]


def test_every_public_object_and_every_table_has_a_comment(db: Database) -> None:
    assert (
        relations(db, "c.relkind in ('r', 'v', 'p') and obj_description(c.oid, 'pg_class') is null") == set()
    )
    undocumented = functions(
        db, "p.pronamespace = 'public'::regnamespace and obj_description(p.oid, 'pg_proc') is null"
    )
    assert undocumented == set()


def test_all_of_public_has_our_names(db: Database) -> None:
    assert {name for name in relations(db, "c.relkind <> 'i'") if name.startswith("public.")} == {
        "public.credit_balance",
        "public.credit_events",
        "public.credit_ledger",
        "public.credit_lots",
        "public.credit_packages",
        "public.credit_transactions",
    }


def test_every_foreign_key_restricts_deletion(db: Database) -> None:
    rules = db.rows(
        "select conname, confdeltype::text from pg_constraint "
        "where contype = 'f' and connamespace = 'credits'::regnamespace"
    )
    assert rules
    assert {row["conname"] for row in rules if row["confdeltype"] != "r"} == set()


def test_every_foreign_key_of_the_user_is_covered_by_an_index(db: Database) -> None:
    """Otherwise a delete or a settlement would read a whole table. Packages are few and never deleted."""
    uncovered = db.column(
        "select c.conname from pg_constraint as c "
        "where c.contype = 'f' and c.connamespace = 'credits'::regnamespace and not exists ("
        "select from pg_index as i where i.indrelid = c.conrelid and i.indkey[0] = c.conkey[1])"
    )
    assert uncovered == ["transactions_package_id_fkey"]


def test_realtime_publishes_the_account_and_nothing_else(db: Database) -> None:
    there_is_realtime = db.value(
        bool, "select exists (select from pg_publication where pubname = 'supabase_realtime')"
    )
    published = db.column(
        "select tablename from pg_publication_tables "
        "where pubname = 'supabase_realtime' and schemaname = 'credits'"
    )
    assert published == (["accounts"] if there_is_realtime else [])
