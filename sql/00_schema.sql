-- Everything that holds state is private: `credits` is never exposed by PostgREST.
-- What an app may touch stands in `public`, as views and functions named credit_* or listed in 90_grants.sql.
create schema credits;

comment on schema credits is
'Topup: prepaid credits. Private; read through the public.credit_* views, write through the public functions.';

revoke all on schema credits from public;

create function public.credit_schema_version()
returns integer
language sql
stable -- not immutable: folded into a cached plan, it would answer a role that may not execute it
set search_path = ''
as $$ select 1 $$;

comment on function public.credit_schema_version() is
'The version of this schema. The service is ready only on a schema that is not older than the one it was built for.';
