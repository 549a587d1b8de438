/** One purchase, from the click to what became of it, without a line of how it looks. */
import { loadStripe, must, supabase } from "./client.js";
import { TOPUP_URL } from "./config.js";

/** The service refused: `status` says why, as the README's table of statuses explains. */
export class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const OPEN = "topup.open";
const keyName = (packageId) => `topup.key.${packageId}`;

/** The package whose purchase is under way in this tab, after a reload too. */
export const openPackage = () => sessionStorage.getItem(OPEN);

/** Leave the purchase; coming back to the same package goes on with it. */
export const leavePurchase = () => sessionStorage.removeItem(OPEN);

/** The purchase is over: the next one of this package is a new one. */
export function closePurchase(packageId) {
  sessionStorage.removeItem(keyName(packageId));
  leavePurchase();
}

/** Forget every purchase of this tab, as when somebody else signs in. */
export function forgetPurchases() {
  for (const name of Object.keys(sessionStorage)) if (name.startsWith("topup.")) sessionStorage.removeItem(name);
}

/**
 * Open the purchase of a package, or the one that this tab has opened already: one idempotency key serves until it
 * is over, so clicks, reloads and lost answers all end at the same PaymentIntent.
 */
export async function openPurchase(packageId) {
  const key = sessionStorage.getItem(keyName(packageId)) ?? crypto.randomUUID();
  sessionStorage.setItem(keyName(packageId), key);
  sessionStorage.setItem(OPEN, packageId);
  return readPurchase((await createPaymentIntent(packageId, key)).clientSecret);
}

async function createPaymentIntent(creditPackageId, idempotencyKey) {
  const { session } = must(await supabase.auth.getSession());
  const response = await fetch(`${TOPUP_URL}/api/stripe/create-payment-intent`, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${session?.access_token}`,
      "Content-Type": "application/json",
      "Idempotency-Key": idempotencyKey,
    },
    body: JSON.stringify({ creditPackageId }),
  });
  const { success, data, error } = await response.json().catch(() => ({}));
  if (!success) throw new Refusal(response.status, error);
  return data;
}

/** What Stripe and the database say of a purchase: {clientSecret, paymentIntent, order}. */
export async function readPurchase(clientSecret) {
  const stripe = await loadStripe();
  const { paymentIntent, error } = await stripe.retrievePaymentIntent(clientSecret);
  if (error) throw error;
  return { clientSecret, paymentIntent, order: await readOrder(paymentIntent.id) };
}

/** The purchase's row: what it costs and gives, and its status once the webhook has committed. */
export async function readOrder(paymentIntentId) {
  const columns =
    "package_id, stripe_payment_intent_id, description, currency, status, amount::text, credits::text";
  const query = supabase.from("credit_transactions").select(columns);
  return must(await query.eq("stripe_payment_intent_id", paymentIntentId).single());
}

/**
 * Pay with what the buyer typed into `elements`; what is known then: {paymentIntent} or {error}.
 * Without an answer nobody knows whether it was paid, so Stripe is asked until it tells.
 */
export async function pay(stripe, elements, clientSecret, onDoubt) {
  const outcome = await stripe.confirmPayment({
    elements,
    confirmParams: { return_url: location.origin + location.pathname },
    redirect: "if_required",
  });
  return settle(stripe, clientSecret, outcome, onDoubt);
}

/** Go on where the buyer's bank was asking, unless it was answered meanwhile, as in another tab. */
export async function authenticate(stripe, clientSecret, onDoubt) {
  const answered = () => stripe.retrievePaymentIntent(clientSecret);
  return settle(stripe, clientSecret, await stripe.handleNextAction({ clientSecret }).catch(answered), onDoubt);
}

async function settle(stripe, clientSecret, outcome, onDoubt) {
  let { paymentIntent, error } = outcome;
  if (["api_connection_error", "api_error"].includes(error?.type)) {
    onDoubt();
    paymentIntent = await askUntilAnswered(stripe, clientSecret);
    return isUnderWay(paymentIntent) ? { paymentIntent } : { error: { code: "connection_lost" } };
  }
  // Another tab may have paid meanwhile; Stripe refuses a second payment and says so.
  return isUnderWay(error?.payment_intent) ? { paymentIntent: error.payment_intent } : { paymentIntent, error };
}

const isUnderWay = (paymentIntent) => ["succeeded", "processing", "requires_action"].includes(paymentIntent?.status);

async function askUntilAnswered(stripe, clientSecret) {
  for (;;) {
    const { paymentIntent } = await stripe.retrievePaymentIntent(clientSecret);
    if (paymentIntent) return paymentIntent;
    await new Promise((resolve) => {
      window.addEventListener("online", resolve, { once: true });
      setTimeout(resolve, 2000);
    });
  }
}
