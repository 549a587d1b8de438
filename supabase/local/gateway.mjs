import { once } from "node:events";
import { Agent, createServer, request } from "node:http";
import { answerAuth } from "./auth-route.mjs";

// Longer than any client's own, so that no client finds a connection closed that it was about to use.
const KEEP_ALIVE_MILLISECONDS = 120_000;
// Shorter than PostgREST's 30 seconds, for the same reason on the other side.
const UPSTREAM_IDLE_MILLISECONDS = 20_000;

const HOP_BY_HOP = new Set([
  ...["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"],
  ...["te", "trailer", "transfer-encoding", "upgrade", "expect"],
]);
const OPEN_AUTH_PATHS = /^\/auth\/v1\/(verify|callback|authorize|\.well-known\/)/;
const BROWSER = /^\s*Mozilla\/5\.0/i;

/**
 * The one address of the stack, as a hosted project has it: opaque keys become role tokens, /rest/v1 goes to
 * PostgREST, /auth/v1 to auth, and every answer may be read by any origin.
 */
export class Gateway {
  #agent = new Agent({ keepAlive: true, timeout: UPSTREAM_IDLE_MILLISECONDS });

  /** @param {{url: string, keys: object, tokens: object, auth: object, postgrest: {address: object}}} parts */
  constructor({ url, keys, tokens, auth, postgrest }) {
    Object.assign(this, { url, tokens, auth, postgrest });
    this.roles = new Map([
      [keys.publishable_key, "anon"],
      [keys.secret_key, "service_role"],
    ]);
    this.server = createServer({ keepAliveTimeout: KEEP_ALIVE_MILLISECONDS }, (incoming, outgoing) =>
      this.#answer(incoming, outgoing),
    );
  }

  /** @param {number} fd a listening socket */
  async listen(fd) {
    this.server.listen({ fd });
    await once(this.server, "listening");
  }

  async close() {
    this.server.close();
    this.server.closeAllConnections();
    this.#agent.destroy();
  }

  #answer(incoming, outgoing) {
    const [path] = incoming.url.split("?", 1);
    const isRest = path === "/rest/v1" || path.startsWith("/rest/v1/");
    if (incoming.method === "OPTIONS" && incoming.headers["access-control-request-method"]) {
      return preflight(incoming, outgoing);
    }
    if (path === "/auth/v1/.well-known/jwks.json") {
      return send(outgoing, 200, this.tokens.jwks, { "cache-control": "public, max-age=600" });
    }
    if (OPEN_AUTH_PATHS.test(path)) return answerAuth(incoming, outgoing, this);
    if (!isRest && !path.startsWith("/auth/v1/")) {
      return send(outgoing, 404, { message: "no Route matched with those values" });
    }
    const key = incoming.headers.apikey ?? new URL(incoming.url, this.url).searchParams.get("apikey");
    const refusal = this.#refuse(key, incoming.headers);
    if (refusal) return send(outgoing, 401, refusal);
    return isRest ? this.#forward(incoming, outgoing, key) : answerAuth(incoming, outgoing, this);
  }

  #refuse(key, headers) {
    if (!key) {
      return { message: "No API key found in request", hint: "No `apikey` request header or url param was found." };
    }
    const role = this.roles.get(key);
    const other = /^Bearer (sb_.*)$/.exec(headers.authorization ?? "")?.[1];
    if (!role || (other !== undefined && other !== key)) {
      return { message: "Invalid API key", hint: "Double check your Supabase `anon` or `service_role` API key." };
    }
    if (role === "service_role" && BROWSER.test(headers["user-agent"] ?? "")) {
      return { message: "Forbidden use of secret API key in browser" };
    }
    return undefined;
  }

  #forward(incoming, outgoing, key) {
    const given = incoming.headers.authorization;
    // A user's own token goes on as it is; an opaque key is exchanged for a token of its role.
    const token = given && given !== `Bearer ${key}` ? given : `Bearer ${this.tokens.roleTokens[this.roles.get(key)]}`;
    const headers = passOn(incoming.rawHeaders, ["apikey", "authorization"]);
    headers.push("authorization", token);
    if (incoming.headers["transfer-encoding"]) headers.push("transfer-encoding", "chunked");
    const upstream = request(
      {
        agent: this.#agent,
        ...this.postgrest.address,
        method: incoming.method,
        path: restPath(incoming.url),
        headers,
      },
      (answer) => {
        const kept = passOn(answer.rawHeaders, ["access-control-allow-origin"]);
        outgoing.writeHead(answer.statusCode, [...kept, "access-control-allow-origin", "*"]);
        answer.pipe(outgoing);
        answer.once("error", () => outgoing.destroy());
      },
    );
    upstream.once("error", () => {
      if (outgoing.headersSent) return outgoing.destroy();
      incoming.resume();
      return send(outgoing, 503, { message: "PostgREST cannot be reached" }, { "retry-after": "1" });
    });
    outgoing.once("close", () => upstream.destroy());
    incoming.pipe(upstream);
  }
}

/** Raw headers, a flat list of names and values, without those of one connection and those in `except`. */
function passOn(rawHeaders, except) {
  const kept = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i].toLowerCase();
    if (!HOP_BY_HOP.has(name) && !except.includes(name)) kept.push(rawHeaders[i], rawHeaders[i + 1]);
  }
  return kept;
}

/** The path as PostgREST knows it, without the key that a caller may put into the query. */
function restPath(url) {
  const path = url.slice("/rest/v1".length);
  const bare = path.includes("apikey=") ? path.replace(/([?&])apikey=[^&]*(&|$)/, "$1").replace(/[?&]$/, "") : path;
  return bare.startsWith("/") ? bare : `/${bare}`;
}

function preflight(incoming, outgoing) {
  outgoing.writeHead(200, {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS,TRACE,CONNECT",
    "access-control-allow-headers": incoming.headers["access-control-request-headers"] ?? "*",
    "access-control-max-age": "3600",
    "content-length": "0",
  });
  outgoing.end();
}

function send(outgoing, status, body, headers = {}) {
  const bytes = Buffer.from(JSON.stringify(body));
  outgoing.writeHead(status, {
    "content-type": "application/json",
    "content-length": bytes.length,
    "access-control-allow-origin": "*",
    ...headers,
  });
  outgoing.end(bytes);
}
