import { rmSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { Child } from "./child.mjs";
import { StackError } from "./errors.mjs";

const POOL = 10;

/** The real PostgREST, on a unix socket: no port that somebody else could take. */
export class Postgrest {
  /**
   * @param {{binary: string, postgres: import("./postgres.mjs").Postgres, data: string, jwks: object, api: object}}
   *   options `jwks`: the keys whose tokens it accepts; `api`: config.toml's section
   */
  constructor({ binary, postgres, data, jwks, api }) {
    this.binary = binary;
    this.log = join(data, "postgrest.log");
    this.socket = join(postgres.socketFolder, "postgrest");
    this.address = { socketPath: this.socket };
    this.settings = {
      PGRST_DB_URI: `postgresql://authenticator@/postgres?host=${encodeURIComponent(postgres.socketFolder)}&port=${postgres.port}`,
      PGRST_DB_SCHEMAS: api.schemas.join(","),
      PGRST_DB_EXTRA_SEARCH_PATH: api.extraSearchPath.join(","),
      PGRST_DB_MAX_ROWS: String(api.maxRows),
      PGRST_DB_ANON_ROLE: "anon",
      PGRST_DB_POOL: String(POOL),
      // As hosted: a token that was verified once is not verified again before it expires.
      PGRST_JWT_CACHE_MAX_LIFETIME: "3600",
      PGRST_JWT_SECRET: JSON.stringify(jwks),
      PGRST_SERVER_UNIX_SOCKET: this.socket,
      PGRST_SERVER_UNIX_SOCKET_MODE: "600",
      PGRST_LOG_LEVEL: "warn",
    };
  }

  /** Start it and wait until it has read the schema. */
  async start() {
    rmSync(this.socket, { force: true }); // one that was killed leaves it
    this.child = new Child(this.binary, [], { log: this.log, env: { PATH: process.env.PATH, ...this.settings } });
    if (await this.child.ready(() => this.#answers())) return;
    throw new StackError(`PostgREST ended at its start:\n${this.child.output()}`);
  }

  stop() {
    return this.child.stop();
  }

  kill() {
    return this.child.kill();
  }

  async close() {
    await this.child?.stop();
  }

  /** Wait until it works again after Postgres was away. */
  async recovered() {
    let answered = 0;
    // Any connection in its pool may be a dead one, and only its use shows that: use each.
    await this.child.ready(async () => {
      answered = (await this.#answers()) ? answered + 1 : 0;
      return answered > POOL;
    });
  }

  /** Whether it answers from a schema it has read: it says 503 while it reads, or has lost Postgres. */
  #answers() {
    return new Promise((resolve) => {
      const probe = request({ ...this.address, path: "/", method: "HEAD" }, (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      });
      probe.once("error", () => resolve(false));
      probe.end();
    });
  }
}
