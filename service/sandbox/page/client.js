/** The two libraries of the page: Supabase's, and Stripe.js from wherever config.js says. */
import { createClient } from "@supabase/supabase-js";
import { STRIPE_JS_URL, STRIPE_PUBLISHABLE_KEY, SUPABASE_PUBLISHABLE_KEY, SUPABASE_URL } from "./config.js";

export const supabase = createClient(SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY);

/** The data of an answer of Supabase; its error is thrown. */
export function must({ data, error }) {
  if (error) throw error;
  return data;
}

let loading = null;

/** Stripe, loaded once; a load that failed is tried again with the next call. */
export function loadStripe() {
  loading ??= load().catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

async function load() {
  const script = document.createElement("script");
  script.src = STRIPE_JS_URL;
  await new Promise((resolve, reject) => {
    script.onload = resolve;
    script.onerror = () => reject(new TypeError("Stripe.js did not load"));
    document.head.append(script);
  });
  return globalThis.Stripe(STRIPE_PUBLISHABLE_KEY);
}
