-- The roles of a hosted Supabase project, with the attributes, memberships and time limits they have there.
-- supabase_admin is the superuser that made the cluster. postgres is not one: it runs the migrations.

-- An image that Supabase publishes has them already.
do $$
declare
  role_name text;
  attributes text;
begin
  for role_name, attributes in values
    ('postgres', 'login nosuperuser createdb createrole replication bypassrls'),
    ('anon', 'nologin noinherit'),
    ('authenticated', 'nologin noinherit'),
    ('service_role', 'nologin noinherit bypassrls'),
    ('authenticator', 'login noinherit'),
    ('supabase_auth_admin', 'login noinherit createrole')
  loop
    if not exists (select from pg_roles where rolname = role_name) then
      execute format('create role %I %s', role_name, attributes);
    end if;
  end loop;
end
$$;

grant anon, authenticated, service_role to authenticator;
grant anon, authenticated, service_role, authenticator to postgres with admin option;
grant pg_monitor, pg_read_all_data, pg_signal_backend, pg_create_subscription to postgres with admin option;

alter role supabase_admin set search_path = "$user", public, auth, extensions;
alter role supabase_auth_admin set search_path = auth;
alter role supabase_auth_admin set idle_in_transaction_session_timeout = '60s';
alter role postgres set search_path = "$user", public, extensions;
alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';
