create function public.credit_statement(user_id uuid, since timestamptz, until timestamptz)
returns jsonb
language plpgsql
stable
security definer -- service_role alone may execute it; it reads tables that service_role cannot
set search_path = ''
as $$
declare
  opening numeric;
  closing numeric;
begin
  if num_nulls(credit_statement.user_id, credit_statement.since, credit_statement.until) > 0
    or credit_statement.since >= credit_statement.until then
    perform credits.fail(400, 'invalid_argument', 'user_id, since and until are required, and since comes before until.');
  end if;
  if not exists (select from credits.accounts as a where a.user_id = credit_statement.user_id) then
    perform credits.fail(404, 'account_not_found', 'This user has no account.');
  end if;

  select e.balance_after into opening
  from credits.ledger_entries as e
  where e.user_id = credit_statement.user_id and e.created_at < credit_statement.since
  order by e.created_at desc
  limit 1;
  select e.balance_after into closing
  from credits.ledger_entries as e
  where e.user_id = credit_statement.user_id and e.created_at < credit_statement.until
  order by e.created_at desc
  limit 1;

  return jsonb_build_object(
    'user_id', credit_statement.user_id,
    'currency', (select s.currency from credits.settings as s),
    'since', credit_statement.since,
    'until', credit_statement.until,
    'opening', credits.shown(coalesce(opening, 0)),
    'closing', credits.shown(coalesce(closing, 0)),
    'totals', (
      select coalesce(jsonb_object_agg(k.kind, jsonb_build_object('entries', k.entries, 'amount', credits.shown(k.amount))), '{}')
      from (
        select e.kind, count(*) as entries, sum(e.amount) as amount
        from credits.ledger_entries as e
        where e.user_id = credit_statement.user_id
          and e.created_at >= credit_statement.since and e.created_at < credit_statement.until
        group by e.kind
      ) as k
    )
  );
end
$$;

comment on function public.credit_statement(uuid, timestamptz, timestamptz) is
'What an account held and moved in a period, since inclusive and until exclusive: {user_id, currency, since, until, '
'opening, closing, totals: {kind: {entries, amount}}}. Its entries are those of credit_ledger with created_at in the '
'period. Errors: 400 invalid_argument, 404 account_not_found.';
