-- Supabase Realtime, where the project has it: a client hears its own account row, by the table's own policy.
do $$
begin
  if exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime' and not puballtables) then
    alter publication supabase_realtime add table credits.accounts;
  end if;
end
$$;
