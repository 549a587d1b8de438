/** Packages, the payment form, and what became of the payment. */
import { loadStripe, must, supabase } from "./client.js";
import { STRIPE_PUBLISHABLE_KEY } from "./config.js";
import { byId, showOnly, stamp, whileBusy } from "./dom.js";
import { explainPayment } from "./messages.js";
import { showCredits, showMoney } from "./money.js";
import {
  authenticate, closePurchase, leavePurchase, openPackage, openPurchase, pay, readOrder, readPurchase,
} from "./purchase.js";

const VIEWS = ["packages-view", "pay-view", "outcome-view"];
const SLOW_MS = 20_000;

const ADDED = { title: (credits) => `${credits} credits added`, text: "They are in your balance, ready to be used." };
const RETURNED = { title: () => "Payment received", text: "The money has gone back since: the history tells why." };
/** What is said of a purchase that was paid, by its status. */
const PAID = { succeeded: ADDED, partially_refunded: ADDED, refunded: RETURNED, disputed: RETURNED };
const DOUBT =
  "The connection was lost, so we do not know yet whether you have paid. Please wait: we ask again as soon as we can, and you will not pay twice.";

let elements = null;
/** The purchase in the form: {clientSecret, order}. */
let current = null;
/** The order whose credits are awaited, and since when. */
let awaited = null;
let lookSoon = () => {};

const darkness = matchMedia("(prefers-color-scheme: dark)");

/** Make the buttons work; `soon` has the credits looked at. */
export function prepareCheckout(soon) {
  lookSoon = soon;
  byId("test-mode").hidden = byId("test-cards").hidden = !STRIPE_PUBLISHABLE_KEY.startsWith("pk_test_");
  byId("back").addEventListener("click", () => {
    if (isPaying()) return; // Stripe's frame must stay until it has answered
    leavePurchase();
    showPackages();
  });
  byId("again").addEventListener("click", () => {
    awaited = null; // the balance tells of them: whoever has gone on is not called back
    showPackages();
  });
  byId("pay-form").addEventListener("submit", (event) => {
    event.preventDefault();
    whileBusy(byId("pay"), "Paying …", submit);
  });
  darkness.addEventListener("change", () => elements?.update({ appearance: readAppearance() }));
}

/** Begin, or go on where a reload or the bank's own page has interrupted. */
export async function startCheckout() {
  await showPackages();
  loadStripe().catch(() => {}); // whoever needs it is told
  const returned = new URLSearchParams(location.search).get("payment_intent_client_secret");
  if (returned) {
    // The secret belongs neither into the history nor into a bookmark.
    history.replaceState(null, "", location.pathname);
    await attempt(async () => proceed(await readPurchase(returned)));
  } else if (openPackage()) {
    await attempt(async () => proceed(await openPurchase(openPackage())));
  }
}

/** Leave everything, as when somebody signs out. */
export function stopCheckout() {
  forgetForm();
  awaited = null;
  byId("packages").replaceChildren();
}

/** Whether the credits have come, of a payment made here or in another tab; called whenever they may have. */
export async function lookForCredits() {
  const order = awaited?.order ?? current?.order;
  if (!order || isPaying()) return;
  const { status } = await readOrder(order.stripe_payment_intent_id);
  if (order !== (awaited?.order ?? current?.order)) return; // the buyer went on meanwhile
  const words = PAID[status];
  if (words) {
    awaited = null;
    closePurchase(order.package_id);
    showOutcome("good", words.title(showCredits(order.credits)), words.text);
  } else if (Date.now() - awaited?.since > SLOW_MS) {
    byId("outcome-text").textContent =
      "This takes longer than usual. Your payment is safe, and the credits come by themselves: you can close this page.";
  }
}

async function showPackages() {
  forgetForm();
  showOnly("packages-view", VIEWS);
  say("");
  const query = supabase.from("credit_packages").select("id, name, description, currency, amount::text, credits::text");
  try {
    const packages = must(await query.order("sort_order"));
    byId("packages").replaceChildren(...packages.map(drawPackage));
  } catch (error) {
    say(explainPayment(error));
  }
}

function drawPackage({ id, name, description, currency, amount, credits }) {
  const { copy, fill } = stamp("package-template");
  fill(".name", name);
  fill(".about", description ?? "");
  fill(".gives", `${showCredits(credits)} credits`);
  fill(".price", showMoney(amount, currency));
  const button = copy.querySelector("button");
  button.addEventListener("click", () => choose(button, id));
  return copy;
}

async function choose(button, packageId) {
  const list = byId("packages");
  if (list.ariaBusy === "true") return;
  list.ariaBusy = button.ariaBusy = "true";
  await attempt(async () => {
    let purchase = await openPurchase(packageId);
    if (["succeeded", "canceled"].includes(purchase.paymentIntent.status)) {
      closePurchase(packageId);
      purchase = await openPurchase(packageId);
    }
    await proceed(purchase);
  });
  list.ariaBusy = button.ariaBusy = "false";
}

async function attempt(work) {
  say("");
  try {
    await work();
  } catch (error) {
    if ([404, 409].includes(error.status)) closePurchase(openPackage());
    say(explainPayment(error));
  }
}

/** Show what a purchase waits for, by its PaymentIntent's status. */
async function proceed({ clientSecret, paymentIntent, order }) {
  switch (paymentIntent.status) {
    case "requires_action": {
      const next = await authenticate(await loadStripe(), clientSecret, () => say(DOUBT));
      if (next.paymentIntent) return proceed({ clientSecret, paymentIntent: next.paymentIntent, order });
      return showForm(clientSecret, order, next.error);
    }
    case "succeeded":
      closePurchase(order.package_id);
      awaited = { order, since: Date.now() };
      showOutcome("busy", "Payment received", `Adding ${showCredits(order.credits)} credits to your balance …`);
      return lookSoon();
    case "processing":
      closePurchase(order.package_id);
      return showOutcome(
        "busy",
        "Your bank is working on it",
        "Some payments take days. Your credits come by themselves as soon as it has paid: you can close this page.",
      );
    case "canceled":
      closePurchase(order.package_id);
      return showPackages();
    default:
      return showForm(clientSecret, order, paymentIntent.last_payment_error);
  }
}

async function showForm(clientSecret, order, error) {
  const stripe = await loadStripe();
  const price = showMoney(order.amount, order.currency);
  forgetForm();
  current = { clientSecret, order };
  byId("pay-title").textContent = order.description.replace(/ purchase$/, "");
  byId("pay-credits").textContent = `${showCredits(order.credits)} credits`;
  byId("pay-amount").textContent = price;
  byId("pay").textContent = `Pay ${price}`;
  byId("pay").ariaBusy = "false"; // a payment may have been left by signing out
  elements = stripe.elements({ clientSecret, appearance: readAppearance() });
  const element = elements.create("payment");
  element.on("loaderror", ({ error: cause }) => say(explainPayment(cause)));
  element.mount("#payment-element");
  showOnly("pay-view", VIEWS);
  say(error ? explainPayment(error) : "");
}

async function submit() {
  const { clientSecret, order } = current;
  say("");
  const { paymentIntent, error } = await pay(await loadStripe(), elements, clientSecret, () => say(DOUBT));
  lookSoon();
  if (error) {
    say(explainPayment(error));
  } else {
    await attempt(() => proceed({ clientSecret, paymentIntent, order }));
  }
}

function showOutcome(mood, title, text) {
  forgetForm();
  byId("outcome-view").dataset.mood = mood;
  byId("outcome-title").textContent = title;
  byId("outcome-text").textContent = text;
  showOnly("outcome-view", VIEWS);
}

/** Tell it in the alert of whatever is shown. */
function say(text) {
  byId("packages-alert").textContent = byId("pay-alert").textContent = text;
}

const isPaying = () => byId("pay").ariaBusy === "true";

function forgetForm() {
  elements?.getElement("payment")?.destroy();
  elements = current = null;
}

/** The page's own colours for the fields that Stripe draws. */
function readAppearance() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  return {
    theme: darkness.matches ? "night" : "stripe",
    variables: {
      colorPrimary: read("--accent"),
      colorBackground: read("--field"),
      colorText: read("--text"),
      colorTextSecondary: read("--muted"),
      colorTextPlaceholder: read("--muted"),
      colorDanger: read("--bad"),
      fontFamily: read("--font"),
      borderRadius: "10px",
    },
  };
}
