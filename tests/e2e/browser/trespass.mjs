import { answer, given, must, signUpAndIn, supabase, topup } from "./page.mjs";

const { victim, purchase, views, functions } = given;
const session = given.signed_in ? await signUpAndIn() : null;
const attempts = {};

/** Note an answer of Supabase: its status, how many rows it tells of, and the rows. */
async function attempt(name, query) {
  const { status, data, count } = await query;
  attempts[name] = { status, count: count ?? data?.length ?? 0, data };
}

for (const view of views) {
  await attempt(`${view}: all`, supabase.from(view).select());
  await attempt(`${view}: counted`, supabase.from(view).select("*", { count: "exact", head: true }));
}
for (const view of views.filter((name) => name !== "credit_packages")) {
  await attempt(`${view}: by user`, supabase.from(view).select().eq("user_id", victim));
  await attempt(`${view}: by or`, supabase.from(view).select().or(`user_id.eq.${victim},user_id.not.is.null`));
  await attempt(`${view}: updated`, supabase.from(view).update({ user_id: victim }).eq("user_id", victim).select());
  await attempt(`${view}: deleted`, supabase.from(view).delete().eq("user_id", victim).select());
}
await attempt("packages with purchases", supabase.from("credit_packages").select("id, credit_transactions(*)"));
await attempt("ledger of purchase", supabase.from("credit_ledger").select().eq("transaction_id", purchase));
await attempt("package made", supabase.from("credit_packages").insert({ name: "Free", amount: 0, credits: 1e6 }));
await attempt("private table", supabase.schema("credits").from("accounts").select());
for (const [name, parameters] of Object.entries(functions)) {
  await attempt(`${name}()`, supabase.rpc(name, parameters));
}

const own = session && must(await supabase.from("credit_balance").select("balance").single());
answer({ attempts, own, history: await topup(session, "payment-history"), balance: await topup(session, "balance") });
