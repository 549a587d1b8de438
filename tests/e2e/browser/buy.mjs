import { answer, confirm, must, purchaseWithStatus, readCredits, signUpAndIn, supabase, topup } from "./page.mjs";

const session = await signUpAndIn();
const before = await readCredits();
const packages = must(await supabase.from("credit_packages").select().order("sort_order"));

const order = { creditPackageId: packages[1].id };
const key = { "Idempotency-Key": crypto.randomUUID() };
const created = await topup(session, "create-payment-intent", order, key);
const createdAgain = await topup(session, "create-payment-intent", order, key);
const confirmed = await confirm(created.data, "pm_card_visa");
const purchase = await purchaseWithStatus("succeeded");

answer({
  user_id: session.user.id,
  before,
  packages,
  created,
  createdAgain,
  confirmed: confirmed.status,
  purchase,
  after: await readCredits(),
  contract: {
    packages: await topup(session, "credit-packages"),
    history: await topup(session, "payment-history"),
    balance: await topup(session, "balance"),
  },
});
