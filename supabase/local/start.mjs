/**
 * Start the local Supabase stack and keep it up until SIGINT, SIGTERM or the end of stdin.
 *
 *   node start.mjs --data DIR --project DIR --url URL --fd N --db-port N [--no-migrate] [--fresh]
 *     [--postgrest-port N]
 *
 * stdout carries JSON, one object a line: first the addresses and keys when all is ready, or {"error": "…"};
 * then {"done": LINE} or {"error": "…"} for each line on stdin, such as `stop postgres` or `start postgrest`.
 */
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { StackError } from "./errors.mjs";
import { Stack } from "./stack.mjs";

const { values } = parseArgs({
  options: {
    data: { type: "string" },
    project: { type: "string" },
    url: { type: "string" },
    fd: { type: "string" },
    "db-port": { type: "string" },
    "postgrest-port": { type: "string" },
    "no-migrate": { type: "boolean", default: false },
    fresh: { type: "boolean", default: false },
  },
});
const stack = new Stack();
let ending = false;

function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function sayError(error) {
  if (error instanceof StackError) return say({ error: error.message, ...error.details });
  console.error(error);
  return say({ error: `The local stack failed: ${error.message}` });
}

async function end(status) {
  if (ending) return;
  ending = true;
  try {
    await stack.close();
    process.exit(status);
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
}

process.stdout.on("error", () => end(0)); // nobody listens any more
process.on("SIGINT", () => end(0));
process.on("SIGTERM", () => end(0));

const started = stack.start({
  data: values.data,
  project: values.project,
  url: values.url,
  fd: Number(values.fd),
  dbPort: Number(values["db-port"]),
  migrate: !values["no-migrate"],
  fresh: values.fresh,
  postgrestPort: values["postgrest-port"] && Number(values["postgrest-port"]),
});
// One after the other: `start postgres` must not overtake the `stop postgres` before it.
let queue = started.then(say, (error) => {
  if (!ending) sayError(error);
  return end(1);
});
createInterface({ input: process.stdin })
  .on("line", (line) => {
    queue = queue.then(() => stack.command(line)).then(() => say({ done: line }), sayError);
  })
  .on("close", () => end(0));
