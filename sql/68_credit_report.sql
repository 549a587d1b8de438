create function public.credit_report(since timestamptz, until timestamptz)
returns table (
  unit text, account text, opening numeric, debit numeric, credit numeric, closing numeric
)
language plpgsql
stable
security definer -- service_role alone may execute it; it reads tables that service_role cannot
set search_path = ''
set statement_timeout = '10min'
as $$
begin
  if num_nulls(credit_report.since, credit_report.until) > 0 or credit_report.since >= credit_report.until then
    perform credits.fail(400, 'invalid_argument', 'since and until are required, and since comes before until.');
  end if;
  return query
  select
    u.unit,
    j.account,
    round(coalesce(sum(u.amount) filter (where j.created_at < credit_report.since), 0), u.places),
    round(coalesce(sum(u.amount) filter (where j.created_at >= credit_report.since and u.amount > 0), 0), u.places),
    round(coalesce(-sum(u.amount) filter (where j.created_at >= credit_report.since and u.amount < 0), 0), u.places),
    round(sum(u.amount), u.places)
  from credits.journal as j
  cross join lateral (
    values ('credits', j.credits, 6), (j.currency, j.amount, scale(credits.major_units(1, j.currency)))
  ) as u (unit, amount, places)
  where j.created_at < credit_report.until
  group by u.unit, j.account, u.places
  order by u.unit = 'credits' desc, u.unit, j.account;
end
$$;

comment on function public.credit_report(timestamptz, timestamptz) is
'The trial balance of a period, since inclusive and until exclusive: for each unit (credits, and each currency) and '
'account of the journal the opening balance, what was debited and credited, and the closing balance, debit above zero. '
'Deferred revenue at the end is the closing user_liability of a currency with its sign turned. Reads the whole ledger. '
'Errors: 400 invalid_argument.';
