create function public.forget_user(user_id uuid)
returns void
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
as $$
#variable_conflict use_column
begin
  perform from credits.accounts as a where a.user_id = forget_user.user_id for no key update;
  if not found then
    perform credits.fail(404, 'account_not_found', 'This user has no account.');
  end if;

  delete from credits.stripe_customers as c where c.user_id = forget_user.user_id;
  update credits.transactions as t
  set failure_message = null, stripe_payment_method_id = null
  where t.user_id = forget_user.user_id;
  perform credits.free_hold(h, 'released')
  from credits.holds as h
  where h.user_id = forget_user.user_id and h.status = 'open';
  update credits.holds as h set metadata = null where h.user_id = forget_user.user_id;
  update credits.stripe_events as e
  set payload = credits.without_person(e.payload)
  where e.user_id = forget_user.user_id;
  update credits.accounts as a set auth_user_id = null where a.user_id = forget_user.user_id;
end
$$;

comment on function public.forget_user(uuid) is
'Erases what is personal of a user and cuts the link to auth.users, so that the user can be deleted there. Purchases '
'and ledger stay, under an id that leads to nobody; refunds and disputes still settle; open holds are released. The '
'description and metadata of a ledger entry cannot be erased: put nothing personal there. Delete the customer at '
'Stripe as well. Again changes nothing. Errors: 404 account_not_found.';
