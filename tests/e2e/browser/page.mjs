/** What a page of an app has at hand: supabase-js, the service's address, and Stripe's API for browsers. */
import { createRequire } from "node:module";

const require = createRequire(new URL("../../../supabase/local/package.json", import.meta.url));
const { createClient } = require("@supabase/supabase-js");

const PATIENCE_MS = 60_000;

/** The addresses and keys that a page may know, and what else the test gives. */
export const given = JSON.parse(process.argv[2]);

export const supabase = createClient(given.supabase_url, given.publishable_key, {
  auth: { persistSession: false, autoRefreshToken: false },
  realtime: { transport: require("ws") }, // Node 20 has no WebSocket of its own
});

/** What the test reads. */
export function answer(object) {
  console.log(JSON.stringify(object));
}

/** The data of an answer of Supabase, which must be no error. */
export function must({ data, error }) {
  if (error) throw new Error(JSON.stringify(error));
  return data;
}

/** Become a new user, and come back as one; the session. */
export async function signUpAndIn() {
  const credentials = { email: `${crypto.randomUUID()}@example.com`, password: crypto.randomUUID() };
  must(await supabase.auth.signUp(credentials));
  must(await supabase.auth.signOut());
  return must(await supabase.auth.signInWithPassword(credentials)).session;
}

/** Call an endpoint of the service: its status and envelope. */
export async function topup(session, endpoint, body, headers = {}) {
  const response = await fetch(`${given.service_url}/api/stripe/${endpoint}`, {
    method: body ? "POST" : "GET",
    headers: {
      ...(session && { Authorization: `Bearer ${session.access_token}` }),
      ...(body && { "Content-Type": "application/json" }),
      ...headers,
    },
    body: body && JSON.stringify(body),
  });
  return { status: response.status, ...(await response.json()) };
}

/** The Medium package's PaymentIntent: what a page needs to let its user pay. */
export async function orderMediumPackage(session) {
  const packages = must(await supabase.from("credit_packages").select("id, name"));
  const { id } = packages.find(({ name }) => name === "Medium Package");
  return (await topup(session, "create-payment-intent", { creditPackageId: id })).data;
}

/** Confirm as Stripe.js does, which a page must load from js.stripe.com; Stripe's answer. */
export async function confirm({ paymentIntentId, clientSecret }, paymentMethod) {
  const response = await fetch(`${given.stripe_url}/v1/payment_intents/${paymentIntentId}/confirm`, {
    method: "POST",
    headers: { Authorization: `Bearer ${given.stripe_publishable_key}` },
    body: new URLSearchParams({
      client_secret: clientSecret,
      payment_method: paymentMethod,
      return_url: "https://app.example.com/paid?order=7",
    }),
  });
  return response.json();
}

/** The one purchase of this user, once it has this status. */
export async function purchaseWithStatus(status) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const purchase = must(await supabase.from("credit_transactions").select().single());
    if (purchase.status === status) return purchase;
    if (Date.now() > deadline) throw new Error(`still ${purchase.status}, not ${status}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Balance and ledger, oldest entry first, as the user reads them. */
export async function readCredits() {
  return {
    balance: must(await supabase.from("credit_balance").select("balance, held, currency").single()),
    ledger: must(await supabase.from("credit_ledger").select().order("id")),
  };
}
