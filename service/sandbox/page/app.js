/** Who is signed in, and what they see. */
import { must, supabase } from "./client.js";
import { lookForCredits, prepareCheckout, startCheckout, stopCheckout } from "./checkout.js";
import { byId } from "./dom.js";
import { clearHistory, prepareHistory, refreshHistory } from "./history.js";
import { watchCredits } from "./live.js";
import { showCredits } from "./money.js";
import { forgetPurchases } from "./purchase.js";
import { prepareWelcome } from "./welcome.js";

let userId = null;
let watch = { soon() {}, stop() {} };

prepareWelcome();
prepareCheckout(() => watch.soon());
prepareHistory(() => watch.soon());
byId("sign-out").addEventListener("click", () => supabase.auth.signOut());

// Also told of what happens in other tabs. Supabase must not be called before this has returned.
supabase.auth.onAuthStateChange((event, session) => setTimeout(() => follow(event, session)));

function follow(event, session) {
  if (session?.user.id === userId && userId) return;
  watch.stop();
  if (event === "SIGNED_OUT") forgetPurchases();
  userId = session?.user.id ?? null;
  byId("welcome").hidden = Boolean(session);
  byId("shop").hidden = byId("account").hidden = !session;
  clearHistory();
  stopCheckout();
  byId("balance").textContent = "–";
  byId("balance-note").textContent = "";
  if (!session) return;
  byId("email").textContent = session.user.email;
  watch = watchCredits(userId, look);
  startCheckout();
}

async function look() {
  const asked = userId;
  const isCurrent = () => userId === asked; // somebody else may sign in before the answer
  await Promise.all([refreshBalance(isCurrent), refreshHistory(isCurrent), lookForCredits()]);
}

async function refreshBalance(isCurrent) {
  const columns = "balance::text, held::text, available::text, expiring_amount::text, expiring_at";
  const now = must(await supabase.from("credit_balance").select(columns).single());
  if (!isCurrent()) return;
  byId("balance-note").textContent = note(now);
  const figure = byId("balance");
  const text = showCredits(now.balance);
  if (figure.textContent === text) return;
  const isFirst = figure.textContent === "–";
  figure.textContent = text;
  if (!isFirst) figure.animate([{ opacity: 0.2 }, { opacity: 1 }], 600);
}

function note({ balance, held, available, expiring_amount, expiring_at }) {
  if (balance.startsWith("-")) {
    return "Below zero: more was refunded or disputed than was left. Your next purchase pays it off.";
  }
  const notes = [];
  if (Number(held)) notes.push(`${showCredits(held)} are held for work in progress, ${showCredits(available)} are free.`);
  if (expiring_at) {
    const day = new Date(expiring_at).toLocaleDateString(undefined, { dateStyle: "long" });
    notes.push(`${showCredits(expiring_amount)} expire on ${day}.`);
  }
  return notes.join(" ");
}
