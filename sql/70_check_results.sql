create function public.save_credit_check(name text, findings integer)
returns void
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
as $$
begin
  if save_credit_check.name is null or save_credit_check.name not in ('audit', 'reconcile', 'events_behind')
  or save_credit_check.findings is null or save_credit_check.findings < 0 then
    perform credits.fail(
      400, 'invalid_argument', 'name must be audit, reconcile or events_behind, and findings a count of 0 or more.'
    );
  end if;

  insert into credits.checks (name, findings)
  values (save_credit_check.name, save_credit_check.findings)
  on conflict on constraint checks_pkey do update set
    findings = excluded.findings,
    finished_at = excluded.finished_at;
end
$$;

comment on function public.save_credit_check(text, integer) is
'Keeps what a check found, in place of what it found before. Errors: 400 invalid_argument.';

create function public.credit_checks()
returns table (name text, findings integer, finished_at timestamptz)
language sql
stable
security definer -- service_role alone may execute it; it reads a table that service_role cannot
set search_path = ''
as $$ select c.name, c.findings, c.finished_at from credits.checks as c $$;

comment on function public.credit_checks() is
'What each check found when it last ran: audit, reconcile and events_behind, those that ever ran.';
