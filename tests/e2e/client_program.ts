// @ts-ignore: node 20 has no WebSocket of its own; the test puts this file here
import "./browser.mjs";
// What a page and a backend do with topup.ts, at a stack that the test has started.
import { createClient } from "@supabase/supabase-js";
import type { Database } from "./database.types.ts";
import {
  createPaymentIntent,
  ledgerPages,
  purchasePages,
  TopupError,
  watchBalance,
  withHold,
  type Balance,
  type HoldRequest,
} from "./topup.ts";

declare const process: { argv: string[]; exit(status: number): never };

const given = JSON.parse(process.argv[2] ?? "");
const options = { auth: { persistSession: false, autoRefreshToken: false } };
const page = createClient<Database>(given.supabase_url, given.publishable_key, options);
const backend = createClient<Database>(given.supabase_url, given.secret_key, options);

const credentials = { email: `${crypto.randomUUID()}@example.com`, password: crypto.randomUUID() };
await page.auth.signUp(credentials);
const { data } = await page.auth.signInWithPassword(credentials);
const { session } = data;
if (!session) throw new Error("nobody is signed in");
const userId = session.user.id;

const balances: Balance[] = [];
let seen: () => void = () => {};
const stop = watchBalance(
  page,
  (balance) => {
    balances.push(balance);
    seen();
  },
  { pollMs: 20 },
);

async function balanceOf(wanted: number): Promise<void> {
  while (balances.at(-1)?.balance !== wanted) await new Promise<void>((resolve) => (seen = resolve));
}

async function refusalOf(attempt: Promise<unknown>): Promise<object> {
  try {
    await attempt;
  } catch (error) {
    if (!(error instanceof TopupError)) return { thrown: String(error) };
    const { status, code, missing } = error;
    return { status, code, missing };
  }
  return {};
}

// A purchase, as a page makes it.
await balanceOf(0);
const { data: packages } = await page.from("credit_packages").select("id, name").order("sort_order");
const order = { creditPackageId: packages?.[1]?.id ?? "" };
const key = crypto.randomUUID();
const intent = await createPaymentIntent(given.service_url, session.access_token, order, key);
const again = await createPaymentIntent(given.service_url, session.access_token, order, key);
const unknown = await refusalOf(
  createPaymentIntent(given.service_url, session.access_token, { creditPackageId: userId }, crypto.randomUUID()),
);
const confirmed = await fetch(`${given.stripe_url}/v1/payment_intents/${intent.paymentIntentId}/confirm`, {
  method: "POST",
  headers: { Authorization: `Bearer ${given.stripe_publishable_key}` },
  body: new URLSearchParams({
    client_secret: intent.clientSecret,
    payment_method: "pm_card_visa",
    return_url: "https://app.example.com/paid",
  }),
});
if (!confirmed.ok) throw new Error(await confirmed.text());
await balanceOf(15);

// Work that is paid by what it used.
const request: HoldRequest = { userId, amount: 2, idempotencyKey: "first", description: "Answer" };
const heldMeanwhile: (number | undefined)[] = [];
const paid = await withHold(backend, request, async () => {
  const { data } = await page.from("credit_balance").select("available").single();
  heldMeanwhile.push(data?.available ?? undefined);
  return { used: 0.1 + 0.2, result: "42", metadata: { tokens: 3 } };
});
await balanceOf(14.7);
const work = async () => ({ used: 1, result: "again" });
const failing = async (): Promise<never> => {
  throw new Error("the model is down");
};
const refused = {
  twice: await refusalOf(withHold(backend, request, work)),
  failed: await refusalOf(withHold(backend, { ...request, idempotencyKey: "failed" }, failing)),
  poor: await refusalOf(withHold(backend, { ...request, idempotencyKey: "poor", amount: 20 }, work)),
  asUser: await refusalOf(withHold(page, { ...request, idempotencyKey: "theft" }, work)),
};
const free = await withHold(backend, { ...request, idempotencyKey: "free" }, async () => ({ used: 0, result: "free" }));
const late = await withHold(
  backend,
  { ...request, idempotencyKey: "late", expiresIn: "1 second" },
  async () => {
    await new Promise((resolve) => setTimeout(resolve, 1500));
    return { used: 0.7, result: "late" };
  },
);
await balanceOf(14);
stop();

// Pages of a ledger that moves while it is read.
for (let n = 0; n < 23; n++) await backend.rpc("spend_credits", spend(`spend ${n}`));
const newest = await page.from("credit_ledger").select("created_at").order("created_at", { ascending: false }).limit(1);
const before = newest.data?.[0]?.created_at ?? "";
const kept: string[] = [];
for await (const entries of ledgerPages(page, { pageSize: 4 })) {
  kept.push(...entries.map((entry) => entry.description));
  await backend.rpc("spend_credits", spend(`while page ${kept.length} is read`));
}
const spends: number[] = [];
for await (const entries of ledgerPages(backend, { userId, kind: "spend", until: before, pageSize: 10 })) {
  spends.push(entries.length);
}
const purchases: string[] = [];
for (let n = 0; n < 4; n++) {
  await createPaymentIntent(given.service_url, session.access_token, order, crypto.randomUUID());
}
for await (const found of purchasePages(page, { pageSize: 2 })) purchases.push(...found.map(({ id }) => id));
const { data: all } = await page
  .from("credit_transactions")
  .select("id")
  .order("created_at", { ascending: false })
  .order("id", { ascending: false });

function spend(description: string) {
  return { user_id: userId, amount: 0.01, idempotency_key: crypto.randomUUID(), description };
}

console.log(
  JSON.stringify({
    balances: balances.map(({ balance, held }) => [balance, held]),
    same: intent.paymentIntentId === again.paymentIntentId,
    unknown,
    paid,
    heldMeanwhile,
    refused,
    free,
    late,
    kept,
    spends,
    purchases,
    all: all?.map(({ id }) => id),
  }),
);
process.exit(0);
