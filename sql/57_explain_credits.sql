create function public.explain_credits(subject text)
returns jsonb
language plpgsql
stable
security definer -- service_role alone may execute it; it reads tables that service_role cannot
set search_path = ''
as $$
declare
  wanted_id uuid := case
    when explain_credits.subject ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then explain_credits.subject::uuid
  end;
  wanted_user uuid;
  purchase_ids uuid[];
begin
  if exists (select from credits.accounts as a where a.user_id = wanted_id) then
    wanted_user := wanted_id;
    purchase_ids := array(select t.id from credits.transactions as t where t.user_id = wanted_user);
  else
    select t.user_id, array[t.id] into wanted_user, purchase_ids
    from credits.transactions as t
    where t.id = wanted_id or t.stripe_payment_intent_id = explain_credits.subject;
  end if;
  if wanted_user is null then
    perform credits.fail(404, 'not_found', 'No user, purchase or PaymentIntent has this id.');
  end if;

  return jsonb_build_object(
    'account', (select to_jsonb(a) from credits.accounts as a where a.user_id = wanted_user),
    'purchases', (
      select coalesce(jsonb_agg(to_jsonb(t) order by t.created_at, t.id), '[]')
      from credits.transactions as t where t.id = any(purchase_ids)
    ),
    'refunds', (
      select coalesce(jsonb_agg(to_jsonb(r) order by r.created_at, r.id), '[]')
      from credits.refunds as r where r.user_id = wanted_user and r.transaction_id = any(purchase_ids)
    ),
    'disputes', (
      select coalesce(jsonb_agg(to_jsonb(d) order by d.created_at, d.id), '[]')
      from credits.disputes as d where d.user_id = wanted_user and d.transaction_id = any(purchase_ids)
    ),
    'events', (
      select coalesce(jsonb_agg(to_jsonb(e) order by e.received_at, e.created_at, e.type not like '%.created', e.id), '[]')
      from credits.stripe_events as e where e.user_id = wanted_user and e.transaction_id = any(purchase_ids)
    ),
    'lots', (
      select coalesce(jsonb_agg(to_jsonb(l) - 'is_open' order by l.id), '[]')
      from credits.lots as l
      where l.user_id = wanted_user and (
        l.transaction_id = any(purchase_ids) or (wanted_user = wanted_id and l.transaction_id is null)
      )
    ),
    'holds', (
      select coalesce(jsonb_agg(to_jsonb(h) order by h.created_at, h.id), '[]')
      from credits.holds as h
      where h.user_id = wanted_user and wanted_user = wanted_id and h.status = 'open'
    ),
    'entries', (
      select coalesce(jsonb_agg(to_jsonb(l) order by l.id), '[]')
      from credits.ledger_entries as l
      where l.user_id = wanted_user and (wanted_user = wanted_id or l.transaction_id = any(purchase_ids))
    )
  );
end
$$;

comment on function public.explain_credits(text) is
'Everything known about a user, a purchase or a PaymentIntent, each list in order: {account, purchases, refunds, '
'disputes, events, lots, holds, entries}; of the holds those that are open, of a user alone. Errors: 404 not_found.';
