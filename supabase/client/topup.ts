/**
 * Topup from an app, typed: copy this file and database.types.ts.
 *
 * A page signs in and uses createPaymentIntent, watchBalance, ledgerPages and purchasePages. A backend has the secret
 * key and uses withHold. Credits have at most six decimals.
 */
import type { SupabaseClient } from "@supabase/supabase-js";
import type { Database, Json } from "./database.types.ts";

/** supabase-js, made with `createClient<Database>(…)`. */
export type Topup = SupabaseClient<Database>;

type Views = Database["public"]["Views"];
type Row<View extends keyof Views> = Views[View]["Row"];

/** Postgres cannot say which columns of a view are never null; we can. */
type Filled<Columns, Nullable extends keyof Columns> = {
  [Name in keyof Columns]: Name extends Nullable ? Columns[Name] : NonNullable<Columns[Name]>;
};

export type Balance = Filled<Row<"credit_balance">, "expiring_at">;
export type LedgerEntry = Filled<Row<"credit_ledger">, "transaction_id" | "spend_id" | "metadata">;
export type Purchase = Filled<
  Row<"credit_transactions">,
  "failure_code" | "failure_message" | "stripe_payment_intent_id"
>;
export type Kind = "purchase" | "refund" | "dispute" | "grant" | "spend" | "spend_refund" | "expiry";

/** What a balance lacks, as PostgREST tells it with a 402. */
export type Missing = { balance: number; available: number; shortfall: number };

/** A refusal: its HTTP status (0: no answer came), and the stable code of the schema where there is one. */
export class TopupError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint = "",
  ) {
    super(message);
    this.name = "TopupError";
  }

  /** What is missing, if it is that credits do not suffice: offer to buy some. */
  get missing(): Missing | null {
    return this.code === "insufficient_credits" ? JSON.parse(this.hint) : null;
  }
}

/**
 * A PaymentIntent for a package, for Stripe.js to confirm. The same key and package give the same one again, so make
 * one key for each purchase and use it for every attempt.
 */
export async function createPaymentIntent(
  serviceUrl: string,
  accessToken: string,
  order: { creditPackageId: string; paymentMethodId?: string },
  idempotencyKey: string,
): Promise<{ clientSecret: string; paymentIntentId: string }> {
  const response = await fetch(`${serviceUrl}/api/stripe/create-payment-intent`, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${accessToken}`,
      "Content-Type": "application/json",
      "Idempotency-Key": idempotencyKey,
    },
    body: JSON.stringify(order),
  });
  const answer = await response.json();
  if (!answer.success) throw new TopupError(response.status, "", answer.error);
  return answer.data;
}

/**
 * Show the balance of the signed-in user, now and whenever it changes; stop with the function that it gives.
 * With Supabase Realtime a change shows at once. Without, or while it is away, the balance is read every `pollMs`.
 */
export function watchBalance(
  supabase: Topup,
  show: (balance: Balance) => void,
  { pollMs = 2000, calmMs = 60_000 } = {},
): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let live = false;
  let stopped = false;
  let asked = 0;
  let shown = "";

  async function look(): Promise<void> {
    clearTimeout(timer);
    const mine = ++asked;
    const { data } = await supabase.from("credit_balance").select().single();
    if (stopped || mine !== asked) return; // a later look is under way
    if (data && JSON.stringify(data) !== shown) {
      shown = JSON.stringify(data);
      show(data as Balance);
    }
    // What expires changes no row, so a live one looks as well, now and then.
    timer = setTimeout(look, live ? calmMs : pollMs);
  }

  const channel = supabase
    .channel(`topup-balance-${crypto.randomUUID()}`)
    .on("postgres_changes", { event: "*", schema: "credits", table: "accounts" }, look)
    .subscribe((status) => {
      live = status === "SUBSCRIBED";
      if (live) void look();
    });
  void look();
  return () => {
    stopped = true;
    clearTimeout(timer);
    void supabase.removeChannel(channel);
  };
}

/** Which rows of a history; times are ISO 8601. With the secret key name the user: it sees everybody's. */
export type Range = { since?: string; until?: string; userId?: string; pageSize?: number };

/**
 * The ledger, newest first, a page at a time: `for await (const page of ledgerPages(supabase)) …`. Each page goes on
 * where the last one ended, so what comes in meanwhile neither shifts nor repeats a row.
 */
export async function* ledgerPages(
  supabase: Topup,
  { kind, since, until, userId, pageSize = 50 }: Range & { kind?: Kind } = {},
): AsyncGenerator<LedgerEntry[]> {
  for (let before = until; ; ) {
    let query = supabase.from("credit_ledger").select();
    if (userId) query = query.eq("user_id", userId);
    if (kind) query = query.eq("kind", kind);
    if (since) query = query.gte("created_at", since);
    if (before) query = query.lt("created_at", before);
    const page = must(await query.order("created_at", { ascending: false }).limit(pageSize)) as LedgerEntry[];
    const last = page.at(-1);
    if (!last) return;
    yield page;
    before = last.created_at;
  }
}

/** The purchases, newest first, a page at a time. Two may share a `created_at`, so the id decides between them. */
export async function* purchasePages(
  supabase: Topup,
  { status, since, until, userId, pageSize = 50 }: Range & { status?: string } = {},
): AsyncGenerator<Purchase[]> {
  for (let last: Purchase | undefined; ; ) {
    let query = supabase.from("credit_transactions").select();
    if (userId) query = query.eq("user_id", userId);
    if (status) query = query.eq("status", status);
    if (since) query = query.gte("created_at", since);
    if (until) query = query.lt("created_at", until);
    if (last) {
      // The first condition finds the place in the index, the second is exact.
      query = query
        .lte("created_at", last.created_at)
        .or(`created_at.lt."${last.created_at}",id.lt.${last.id}`);
    }
    const page = must(
      await query.order("created_at", { ascending: false }).order("id", { ascending: false }).limit(pageSize),
    ) as Purchase[];
    last = page.at(-1);
    if (!last) return;
    yield page;
  }
}

/** What withHold reserves. The key names the work: the same key again is the same hold. */
export type HoldRequest = {
  userId: string;
  amount: number;
  idempotencyKey: string;
  description: string;
  expiresIn?: string;
  metadata?: Json;
};

/** What the work came to: the credits that it used, what to note of it in the history, and its result. */
export type Used<Result> = { used: number; result: Result; metadata?: Json };

/**
 * Reserve credits, do the work, take what it used and free the rest; if the work fails, all of it is free again.
 * For a backend, with the secret key. Called again with the same key after a crash it takes up the same hold.
 *
 * Throws what the work throws, or a TopupError: 402 with `missing` before the work is begun; 409 hold_captured where
 * the work of this key was paid for already (answer with what you stored then), hold_released where it failed.
 */
export async function withHold<Result>(
  supabase: Topup,
  request: HoldRequest,
  work: () => Promise<Used<Result>>,
): Promise<{ result: Result; balance: number | null }> {
  const { userId: user_id, idempotencyKey: idempotency_key, description } = request;
  const hold = await call<{ hold_id: string; status: string }>(supabase, "hold_credits", {
    user_id,
    idempotency_key,
    description,
    amount: sixDecimals(request.amount),
    expires_in: request.expiresIn ?? "10 minutes",
    metadata: request.metadata ?? null,
  });
  if (hold.status !== "open") throw new TopupError(409, `hold_${hold.status}`, `The hold was ${hold.status}.`);
  const { hold_id } = hold;

  let done: Used<Result>;
  try {
    done = await work();
  } catch (error) {
    await call(supabase, "release_hold", { hold_id }).catch(() => {}); // it expires by itself
    throw error;
  }
  const { result } = done;
  const amount = sixDecimals(done.used);
  if (amount === 0) {
    await call(supabase, "release_hold", { hold_id });
    return { result, balance: null };
  }
  const metadata = done.metadata ?? request.metadata ?? null;
  const taken = await call<{ balance: number }>(supabase, "capture_hold", { hold_id, amount, metadata }).catch(
    (error: TopupError) => {
      // The work took longer than the hold: what it used is still owed.
      if (error.code !== "hold_expired") throw error;
      return call<{ balance: number }>(supabase, "spend_credits", {
        user_id,
        idempotency_key,
        description,
        amount,
        metadata,
      });
    },
  );
  return { result, balance: taken.balance };
}

const ATTEMPTS = 3;

/** Call a function of the schema. All of them can be repeated, so an answer that got lost is asked for again. */
async function call<Answer>(supabase: Topup, name: string, parameters: object): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    // The generated types do not know what a function with several results gives.
    const { data, error, status } = await supabase.rpc(name as never, parameters as never);
    if (!error) return data as Answer;
    const lost = status === 0 || status >= 500;
    if (!lost || attempt === ATTEMPTS) throw refusal(error, status);
    await new Promise((resolve) => setTimeout(resolve, 100 * 2 ** attempt));
  }
}

function must<Data>(answer: { data: Data | null; error: Refusal | null; status: number }): Data {
  if (answer.error || answer.data === null) throw refusal(answer.error, answer.status);
  return answer.data;
}

type Refusal = { message: string; details?: string; hint?: string };

/** The schema puts its stable code into `details`. */
function refusal(error: Refusal | null, status: number): TopupError {
  return new TopupError(status, error?.details ?? "", error?.message ?? "No data", error?.hint ?? "");
}

/** 0.1 + 0.2 is 0.30000000000000004 in JavaScript, and refused. */
function sixDecimals(amount: number): number {
  return Number(amount.toFixed(6));
}
