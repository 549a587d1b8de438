create function public.expire_credits(max_accounts integer default 1000)
returns integer
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
as $$
declare
  due uuid;
  accounts_done integer := 0;
begin
  if expire_credits.max_accounts is null or expire_credits.max_accounts not between 1 and 10000 then
    perform credits.fail(400, 'invalid_argument', 'max_accounts must be between 1 and 10,000.');
  end if;
  for due in
    select a.user_id
    from credits.accounts as a
    where a.due_at <= now()
    order by a.due_at, a.user_id
    limit expire_credits.max_accounts
    for no key update skip locked
  loop
    perform credits.lapse(due);
    accounts_done := accounts_done + 1;
  end loop;
  return accounts_done;
end
$$;

comment on function public.expire_credits(integer) is
'Posts the expiry of what has lapsed and marks the holds whose time has come, of up to max_accounts accounts (1 to '
'10,000); gives how many it went through, less than max_accounts when all are done. Balances read right without it; it '
'brings the ledger in line. Passes over accounts that are locked. Errors: 400 invalid_argument.';
