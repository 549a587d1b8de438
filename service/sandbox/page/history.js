/** The history: what moved the balance and why, and payments that came to nothing. */
import { must, supabase } from "./client.js";
import { byId, stamp } from "./dom.js";
import { explainFailure } from "./messages.js";
import { showChange, showCredits, showMoney } from "./money.js";

const PAGE = 20;
const UNPAID = ["failed", "processing", "requires_action"];

const ENTRY = "id, kind, transaction_id, description, created_at, amount::text, balance_after::text";
const ORDER =
  "id, status, description, created_at, currency, failure_code, failure_message, amount::text, refunded_amount::text";

let wanted = PAGE;
let shown = "";

/** Make its button work; `look` reads it again. */
export function prepareHistory(look) {
  byId("older").addEventListener("click", () => {
    wanted += PAGE;
    look();
  });
}

/** Read the newest entries and show them, if anything has changed and `isCurrent` still. */
export async function refreshHistory(isCurrent) {
  const entries = must(
    await supabase.from("credit_ledger").select(ENTRY).order("created_at", { ascending: false }).limit(wanted + 1),
  );
  const ids = entries.map(({ transaction_id }) => transaction_id).filter(Boolean);
  const [paid, unpaid] = (
    await Promise.all([
      supabase.from("credit_transactions").select(ORDER).in("id", [...new Set(ids)]),
      supabase.from("credit_transactions").select(ORDER).in("status", UNPAID)
        .order("created_at", { ascending: false }).limit(PAGE),
    ])
  ).map(must);
  const now = JSON.stringify([entries, paid, unpaid]);
  if (now === shown || !isCurrent()) return;
  shown = now;
  const known = new Map(paid.map((order) => [order.id, order]));
  const rows = [
    ...entries.slice(0, wanted).map((entry) => ({ ...entry, why: explain(entry, known.get(entry.transaction_id)) })),
    ...unpaid.map(asRow),
  ];
  rows.sort((a, b) => Date.parse(b.created_at) - Date.parse(a.created_at));
  byId("history").replaceChildren(...rows.map(draw));
  byId("history-empty").hidden = rows.length > 0;
  byId("older").hidden = entries.length <= wanted;
}

/** Forget it, as when somebody signs out. */
export function clearHistory() {
  wanted = PAGE;
  shown = "";
  byId("history").replaceChildren();
  byId("history-empty").hidden = true;
}

/** Why the balance moved, for the one whose balance it is. */
function explain({ kind, amount }, order) {
  const taken = amount.startsWith("-");
  switch (kind) {
    case "purchase":
      return `You paid ${showMoney(order.amount, order.currency)}.${told(order)}`;
    case "refund":
      return taken
        ? "Money went back to you, so the credits it had bought were taken back."
        : "The refund did not reach you, so you have its credits again.";
    case "dispute":
      return taken
        ? "Your bank took the money back while it looks into this payment, so its credits are taken back too."
        : "Your bank decided that the payment stands, so you have its credits again.";
    case "grant":
      return "A present from us.";
    case "spend_refund":
      return "What you had spent was given back.";
    case "expiry":
      return "These credits had an end date, and it has passed.";
    default:
      return "";
  }
}

function told({ refunded_amount, currency }) {
  return Number(refunded_amount) ? ` ${showMoney(refunded_amount, currency)} of it was refunded.` : "";
}

function asRow({ id, status, description, created_at, currency, amount, ...failure }) {
  const price = showMoney(amount, currency);
  const why = {
    failed: explainFailure(failure),
    processing: `Your bank is still working on ${price}. The credits come when it has paid.`,
    requires_action: `Your bank waits for your confirmation of ${price}. Nothing was paid so far.`,
  }[status];
  return { id, kind: status, description, created_at, why };
}

function draw({ kind, description, created_at, why, amount, balance_after }) {
  const { copy, fill } = stamp("entry-template");
  copy.dataset.kind = kind;
  fill(".title", description);
  fill(".why", why);
  const time = copy.querySelector("time");
  time.dateTime = created_at;
  time.textContent = new Date(created_at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  if (amount) {
    fill(".amount", showChange(amount));
    fill(".after", `balance ${showCredits(balance_after)}`);
    copy.classList.add(amount.startsWith("-") ? "less" : "more");
  } else {
    fill(".amount", kind === "failed" ? "Not paid" : "On its way");
    copy.classList.add(kind === "failed" ? "failed" : "open");
  }
  return copy;
}
