/**
 * Pass one /auth/v1 request to auth: the token in it is turned into auth's own, those in its answer into
 * the ES256 tokens that a hosted project gives.
 * @param {import("node:http").IncomingMessage} incoming
 * @param {import("node:http").ServerResponse} outgoing
 */
export async function answerAuth(incoming, outgoing, { url, auth, tokens }) {
  try {
    const response = await auth.answer(await innerRequest(incoming, url, tokens));
    const headers = { ...Object.fromEntries(response.headers), "access-control-allow-origin": "*" };
    let body = Buffer.from(await response.arrayBuffer());
    if (headers.location) headers.location = await outerLocation(headers.location, tokens);
    if (body.length > 0 && headers["content-type"]?.startsWith("application/json")) {
      body = await outerBody(body, tokens);
    }
    delete headers["transfer-encoding"];
    outgoing.writeHead(response.status, { ...headers, "content-length": body.length });
    outgoing.end(incoming.method === "HEAD" ? undefined : body);
  } catch (error) {
    console.error("auth:", error);
    if (outgoing.headersSent) return outgoing.destroy();
    outgoing.writeHead(503, { "content-type": "application/json", "access-control-allow-origin": "*" });
    outgoing.end(JSON.stringify({ code: 503, error_code: "unexpected_failure", msg: "Auth cannot reach Postgres" }));
  }
}

async function innerRequest(incoming, url, tokens) {
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (!["connection", "host", "content-length", "transfer-encoding", "expect"].includes(name)) {
      headers.set(name, Array.isArray(value) ? value.join(", ") : value);
    }
  }
  const token = /^Bearer (.+)$/.exec(incoming.headers.authorization ?? "")?.[1];
  if (token) headers.set("authorization", `Bearer ${await tokens.unwrap(token)}`);
  const chunks = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const body = ["GET", "HEAD"].includes(incoming.method) ? undefined : Buffer.concat(chunks);
  return new Request(new URL(incoming.url, url), { method: incoming.method, headers, body });
}

async function outerBody(body, tokens) {
  const answer = JSON.parse(body);
  if (typeof answer?.access_token !== "string") return body;
  answer.access_token = await tokens.issue(answer.access_token, answer.user);
  return Buffer.from(JSON.stringify(answer));
}

/** A link in a mail leads to `site_url#access_token=…`. */
async function outerLocation(location, tokens) {
  const [page, fragment] = location.split("#", 2);
  const parameters = new URLSearchParams(fragment);
  const token = parameters.get("access_token");
  if (!token) return location;
  parameters.set("access_token", await tokens.issue(token));
  return `${page}#${parameters}`;
}
