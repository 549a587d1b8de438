// watchBalance where there is Realtime: a socket that speaks its protocol, and a balance that only it tells of.
import { createClient } from "@supabase/supabase-js";
import type { Database } from "./database.types.ts";
import { watchBalance } from "./topup.ts";

declare const process: { exit(status: number): never };

type Message = [string | null, string | null, string, string, object];

let balance = 1;
let reads = 0;
const sockets: RealtimeSocket[] = [];

/** Realtime, within this process: it takes every join, and sends what it is told to. */
class RealtimeSocket {
  readyState = 0;
  binaryType = "arraybuffer";
  bufferedAmount = 0;
  topic = "";
  onopen: (event: object) => void = () => {};
  onmessage: (event: { data: string }) => void = () => {};
  onclose: (event: object) => void = () => {};
  onerror: (event: object) => void = () => {};

  constructor() {
    sockets.push(this);
    setTimeout(() => {
      this.readyState = 1;
      this.onopen({});
    });
  }

  send(text: string): void {
    const [join, ref, topic, event, payload] = JSON.parse(text) as Message;
    const wanted = (payload as { config?: { postgres_changes?: object[] } }).config?.postgres_changes ?? [];
    const changes = wanted.map((each) => ({ id: 1, ...each }));
    if (event === "phx_join") this.topic = topic;
    this.tell([join, ref, topic, "phx_reply", { status: "ok", response: { postgres_changes: changes } }]);
  }

  tell(message: Message): void {
    setTimeout(() => this.onmessage({ data: JSON.stringify(message) }));
  }

  close(): void {
    this.readyState = 3;
    this.onclose({ code: 1000, wasClean: true });
  }
}

const supabase = createClient<Database>("http://supabase.invalid", "sb_publishable_key", {
  auth: { persistSession: false, autoRefreshToken: false },
  realtime: { transport: RealtimeSocket as never },
  global: {
    fetch: async () => {
      reads += 1;
      return Response.json({ balance });
    },
  },
});

const shown: number[] = [];
let seen: () => void = () => {};
const stop = watchBalance(
  supabase,
  (row) => {
    shown.push(row.balance);
    seen();
  },
  { pollMs: 3_600_000, calmMs: 3_600_000 },
);

while (!sockets[0]?.topic || reads < 2) await new Promise((resolve) => setTimeout(resolve, 10));
balance = 2;
const changed = new Promise<void>((resolve) => (seen = resolve));
const data = { type: "UPDATE", schema: "credits", table: "accounts", columns: [], record: {}, errors: null };
const [socket] = sockets;
socket?.tell([null, null, socket.topic, "postgres_changes", { ids: [1], data }]);
await changed;
stop();
console.log(JSON.stringify({ shown }));
process.exit(0);
