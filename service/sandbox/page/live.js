/** When to look again at what the webhook may have changed. */
import { supabase } from "./client.js";
import { REALTIME } from "./config.js";

const CALM_MS = 2000;
const HASTE_MS = 200;

/**
 * Call `look` whenever the credits of this user may have changed. With Supabase Realtime that is when their row in
 * credits.accounts changes; a project without it, such as the local stack, is asked every two seconds instead.
 * @returns {{soon: () => void, stop: () => void}} `soon` looks now and a few times more, for a payment just made
 */
export function watchCredits(userId, look) {
  let timer = null;
  let pause = CALM_MS;
  let looking = false;
  let stopped = false;

  async function run() {
    clearTimeout(timer);
    if (looking || stopped || document.hidden) return;
    looking = true;
    await look().catch(() => {}); // no answer: the next look has one
    looking = false;
    if (!stopped && (pause < CALM_MS || !REALTIME)) timer = setTimeout(run, pause);
    pause = Math.min(pause * 1.5, CALM_MS);
  }

  function soon() {
    pause = HASTE_MS;
    run();
  }

  const channel = REALTIME && supabase.channel(`credits:${userId}`);
  if (channel) {
    const rows = { event: "*", schema: "credits", table: "accounts", filter: `user_id=eq.${userId}` };
    channel.on("postgres_changes", rows, soon).subscribe(soon);
  }
  document.addEventListener("visibilitychange", soon);
  window.addEventListener("online", soon);
  run();

  function stop() {
    stopped = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", soon);
    window.removeEventListener("online", soon);
    if (channel) supabase.removeChannel(channel);
  }
  return { soon, stop };
}
