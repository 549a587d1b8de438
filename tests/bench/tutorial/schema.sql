-- The tables that the usual tutorial makes, with the indexes that its queries need.
create schema tutorial;

create table tutorial.transactions (
  id uuid primary key,
  user_id uuid not null,
  credits numeric not null,
  status text not null default 'pending',
  stripe_payment_intent_id text not null unique,
  created_at timestamptz not null default now()
);

create table tutorial.balances (
  user_id uuid primary key,
  balance numeric not null default 0
);

create function tutorial.add_credits(user_id uuid, amount numeric)
returns void
language sql
as $$
  insert into tutorial.balances as b (user_id, balance)
  values (add_credits.user_id, add_credits.amount)
  on conflict on constraint balances_pkey do update set balance = b.balance + excluded.balance
$$;

grant usage on schema tutorial to service_role;
grant select, insert, update on all tables in schema tutorial to service_role;

-- PostgREST takes its settings from its role as well; what it shows of Topup stays as it is.
alter role authenticator set pgrst.db_schemas = 'public, tutorial';
notify pgrst, 'reload config';
notify pgrst, 'reload schema';
