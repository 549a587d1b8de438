create type credits.funds as (balance numeric, held numeric);

create function credits.lock_account(p_user_id uuid)
returns credits.funds
language plpgsql
set search_path = ''
as $$
declare
  funds credits.funds;
  due_at timestamptz;
begin
  select a.balance, a.held, a.due_at into funds.balance, funds.held, due_at
  from credits.accounts as a
  where a.auth_user_id = p_user_id
  for no key update;
  if not found then
    insert into credits.accounts (user_id, auth_user_id)
    select u.id, u.id from auth.users as u where u.id = p_user_id
    on conflict do nothing;
    select a.balance, a.held, a.due_at into funds.balance, funds.held, due_at
    from credits.accounts as a
    where a.auth_user_id = p_user_id
    for no key update;
    if not found then
      perform credits.fail(403, 'user_not_found', 'There is no such user.');
    end if;
  end if;
  if due_at <= now() then
    funds := credits.lapse(p_user_id);
  end if;
  return funds;
end
$$;

comment on function credits.lock_account(uuid) is
'Locks the user''s account, opening it first where there is none, and lets lapse what has expired. All that reads or '
'moves a user''s money holds this lock before it does so, or takes it by the update that does it, credits.post_spend; '
'several are taken in the order of user_id, so no two can wait for each other.';
