// A webhook as the usual tutorial writes it: verify with the SDK, look the purchase up, mark it, add to the balance.
import { createServer } from "node:http";
import { createClient } from "@supabase/supabase-js";
import Stripe from "stripe";
import WebSocket from "ws";

const { SUPABASE_URL, SUPABASE_SECRET_KEY, STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET, LISTEN_FD } = process.env;
const stripe = new Stripe(STRIPE_SECRET_KEY);
const supabase = createClient(SUPABASE_URL, SUPABASE_SECRET_KEY, {
  db: { schema: "tutorial" },
  auth: { persistSession: false, autoRefreshToken: false },
  realtime: { transport: WebSocket },
});

async function credit(intent) {
  const { data: purchase, error: notFound } = await supabase
    .from("transactions").select("*").eq("stripe_payment_intent_id", intent.id).single();
  if (notFound) throw new Error(notFound.message);
  if (purchase.status === "succeeded") return;

  const { error: notMarked } = await supabase
    .from("transactions").update({ status: "succeeded" }).eq("id", purchase.id);
  if (notMarked) throw new Error(notMarked.message);

  const { error: notAdded } = await supabase
    .rpc("add_credits", { user_id: purchase.user_id, amount: purchase.credits });
  if (notAdded) throw new Error(notAdded.message);
}

async function answer(request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  let event;
  try {
    event = stripe.webhooks.constructEvent(
      Buffer.concat(chunks), request.headers["stripe-signature"], STRIPE_WEBHOOK_SECRET,
    );
  } catch (error) {
    response.writeHead(400).end(error.message);
    return;
  }
  if (event.type === "payment_intent.succeeded") await credit(event.data.object);
  response.writeHead(200, { "content-type": "application/json" }).end('{"received":true}');
}

createServer({ keepAliveTimeout: 75_000 }, (request, response) => {
  answer(request, response).catch((error) => response.writeHead(500).end(error.message));
}).listen({ fd: Number(LISTEN_FD) });
