create function public.spend_credits_batch(spends jsonb)
returns jsonb
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
as $$
declare
  spend jsonb;
  place bigint;
  posting record;
  code text;
  hint text;
  answer jsonb;
  answers jsonb := '{}';
begin
  if jsonb_typeof(spend_credits_batch.spends) is distinct from 'array'
    or jsonb_array_length(spend_credits_batch.spends) > 1000 then
    perform credits.fail(400, 'invalid_argument', 'spends must be an array of at most 1,000 spends.');
  end if;

  -- In the order of user_id, as everybody locks accounts; those of one user in the order given.
  for spend, place in
    select s.spend, s.place
    from jsonb_array_elements(spend_credits_batch.spends) with ordinality as s (spend, place)
    order by case when pg_input_is_valid(s.spend ->> 'user_id', 'uuid') then (s.spend ->> 'user_id')::uuid end, s.place
  loop
    begin
      select p.* into posting
      from public.spend_credits(
        (spend ->> 'user_id')::uuid, (spend ->> 'amount')::numeric, spend ->> 'idempotency_key',
        spend ->> 'description', nullif(spend -> 'metadata', 'null')
      ) as p;
      answer := jsonb_build_object(
        'status', 200, 'entry_id', posting.entry_id, 'balance', posting.balance, 'created', posting.created
      );
    exception when others then
      get stacked diagnostics code = pg_exception_detail, hint = pg_exception_hint;
      answer := case
        when sqlstate like 'PT%' then jsonb_build_object(
          'status', substr(sqlstate, 3)::integer, 'code', code, 'message', sqlerrm, 'hint', hint
        )
        when sqlstate like '22%' then jsonb_build_object(
          'status', 400, 'code', 'invalid_argument', 'message', sqlerrm, 'hint', ''
        )
        else jsonb_build_object('status', 503, 'code', 'failed', 'message', sqlerrm, 'hint', 'Send this one again.')
      end;
    end;
    answers := answers || jsonb_build_object(
      place, answer || jsonb_build_object('user_id', spend -> 'user_id', 'idempotency_key', spend -> 'idempotency_key')
    );
  end loop;

  return (
    select coalesce(jsonb_agg(answers -> a.place::text order by a.place), '[]')
    from generate_series(1, jsonb_array_length(spend_credits_batch.spends)) as a (place)
  );
end
$$;

comment on function public.spend_credits_batch(jsonb) is
'Takes up to 1,000 spends, each {user_id, amount, idempotency_key, description, metadata}, of any users; each '
'succeeds or fails alone. Gives for each, in the same order, {user_id, idempotency_key, status: 200, entry_id, '
'balance, created} or {user_id, idempotency_key, status, code, message, hint} with the status and code that '
'spend_credits would answer; 503 failed: send that one again. Errors: 400 invalid_argument.';
