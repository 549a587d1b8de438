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
#variable_conflict use_column
begin
  if num_nulls(credit_report.since, credit_report.until) > 0 or credit_report.since >= credit_report.until then
    perform credits.fail(400, 'invalid_argument', 'since and until are required, and since comes before until.');
  end if;
  -- Rounded are the sums from the first entry on, of what stands against user_liability. So each closing balance is the
  -- next period's opening one, and every row and column adds up, which figures rounded one by one would not.
  return query
  with sums as (
    select
      u.unit,
      j.account,
      round(coalesce(sum(u.amount) filter (where u.amount > 0 and j.created_at < credit_report.since), 0), u.places)
        as debit_before,
      round(coalesce(-sum(u.amount) filter (where u.amount < 0 and j.created_at < credit_report.since), 0), u.places)
        as credit_before,
      round(coalesce(sum(u.amount) filter (where u.amount > 0), 0), u.places) as debit_until,
      round(coalesce(-sum(u.amount) filter (where u.amount < 0), 0), u.places) as credit_until
    from credits.journal as j
    cross join lateral (
      values ('credits', j.credits, 6), (j.currency, j.amount, scale(credits.major_units(1, j.currency)))
    ) as u (unit, amount, places)
    where j.created_at < credit_report.until and j.account <> 'user_liability'
    group by u.unit, j.account, u.places
  ),

  sides as (
    select s.unit, s.account, s.debit_before, s.credit_before, s.debit_until, s.credit_until
    from sums as s
    union all
    select
      s.unit, 'user_liability', sum(s.credit_before), sum(s.debit_before), sum(s.credit_until), sum(s.debit_until)
    from sums as s
    group by s.unit
  )

  select
    s.unit,
    s.account,
    s.debit_before - s.credit_before,
    s.debit_until - s.debit_before,
    s.credit_until - s.credit_before,
    s.debit_until - s.credit_until
  from sides as s
  order by s.unit = 'credits' desc, s.unit, s.account;
end
$$;

comment on function public.credit_report(timestamptz, timestamptz) is
'The trial balance of a period, since inclusive and until exclusive: for each unit (credits, and each currency) and '
'account of the journal the opening balance, what was debited and credited, and the closing balance, debit above zero. '
'Deferred revenue at the end is the closing user_liability of a currency with its sign turned. Reads the whole ledger. '
'Errors: 400 invalid_argument.';
