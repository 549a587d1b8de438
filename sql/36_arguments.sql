create function credits.check_posting(
  p_amount numeric, p_idempotency_key text, p_description text, p_metadata jsonb default null
)
returns text
language plpgsql
set search_path = ''
as $$
declare
  problem constant text := case
    when (p_amount > 0 and p_amount < 1e14 and min_scale(p_amount) <= 6) is not true
      then 'amount must be above zero and below 10^14, with at most six decimals.'
    when (length(p_idempotency_key) between 1 and 255) is not true
      then 'idempotency_key is required, 1 to 255 characters.'
    when (length(trim(p_description)) > 0 and length(p_description) <= 500) is not true
      then 'A description (a grant''s reason) is required, at most 500 characters: the user sees it in the history.'
    when p_metadata is not null and (jsonb_typeof(p_metadata) <> 'object' or length(p_metadata::text) > 10000)
      then 'metadata must be an object of at most 10,000 characters.'
  end;
begin
  if problem is not null then
    perform credits.fail(400, 'invalid_argument', problem);
  end if;
  return p_idempotency_key;
end
$$;

comment on function credits.check_posting(numeric, text, text, jsonb) is
'Gives the idempotency key back; raises 400 invalid_argument unless these can be posted.';

create function credits.insufficient(p_funds credits.funds, p_amount numeric)
returns void
language plpgsql
set search_path = ''
as $$
declare
  available constant numeric := greatest(p_funds.balance - p_funds.held, 0);
begin
  perform credits.fail(
    402, 'insufficient_credits',
    format('Not enough credits: %s wanted, %s available.', credits.shown(p_amount), credits.shown(available)),
    jsonb_build_object(
      'balance', credits.shown(p_funds.balance),
      'available', credits.shown(available),
      'shortfall', credits.shown(p_amount - p_funds.balance + p_funds.held)
    )::text
  );
end
$$;

comment on function credits.insufficient(credits.funds, numeric) is
'Raises 402 insufficient_credits: the account has not that much that is not held. The hint is '
'JSON: {balance, available, shortfall}; the shortfall is what the user has to buy first, a debt included.';

create function credits.key_reused(p_what text)
returns void
language plpgsql
set search_path = ''
as $$
begin
  perform credits.fail(
    409, 'idempotency_key_reused', format('This idempotency key belongs to another %s.', p_what),
    format('Use a new key for a new %s.', p_what)
  );
end
$$;

comment on function credits.key_reused(text) is
'Raises 409 idempotency_key_reused: the key was used before, with other arguments.';
