import { join } from "node:path";
import { findPostgres, findPostgrest, findSupabaseCli } from "./binaries.mjs";
import { bootstrap, deleteCluster, isBootstrapped, setPasswords } from "./bootstrap.mjs";
import { createAuth } from "./auth.mjs";
import { readConfig } from "./config.mjs";
import { StackError } from "./errors.mjs";
import { ExternalPostgres, ExternalPostgrest } from "./external.mjs";
import { Gateway } from "./gateway.mjs";
import { loadKeys } from "./keys.mjs";
import { waitForLeftOver } from "./left-over.mjs";
import { Migration } from "./migrate.mjs";
import { Postgres } from "./postgres.mjs";
import { Postgrest } from "./postgrest.mjs";
import { postgresUser, readablePostgres } from "./system-user.mjs";
import { createTokens } from "./tokens.mjs";

/** Postgres, auth, PostgREST and the gateway: started in that order, ended in the other. */
export class Stack {
  #parts = [];
  #ending = false;

  /**
   * @param {object} options
   * @param {string} options.data where keys, Postgres's files and the logs are kept
   * @param {string} options.project the folder that holds `supabase/`
   * @param {string} options.url the gateway's address
   * @param {number} options.fd the gateway's listening socket; who calls before all is up waits in its backlog
   * @param {number} options.dbPort Postgres's port on 127.0.0.1; 0 for any
   * @param {boolean} options.migrate whether to apply the project's migrations and seed
   * @param {boolean} options.fresh whether to delete the keys and the database that are there
   * @param {number} [options.postgrestPort] where a PostgREST runs already, as Postgres does on `dbPort`
   * @returns the addresses and keys of the stack
   */
  async start({ data, project, url, fd, dbPort, migrate, fresh, postgrestPort }) {
    const config = readConfig(project);
    await waitForLeftOver(join(data, "postgres"));
    if (fresh) deleteCluster(data);
    const keys = loadKeys(data);
    const tokens = await createTokens(keys, url);
    const external = postgrestPort !== undefined;

    const postgres = external
      ? new ExternalPostgres({ port: dbPort, keys })
      : await this.#startPostgres({ data, port: dbPort, keys });
    const databaseUrl = (role) =>
      `postgresql://${role}:${keys[`${role}_password`]}@127.0.0.1:${postgres.port}/postgres`;
    if (migrate) {
      const cli = findSupabaseCli();
      await this.#keep(new Migration({ cli, project, data, databaseUrl: databaseUrl("postgres") })).finish();
    }

    const auth = this.#keep(await createAuth({ postgres, keys, url, settings: config.auth }));
    const postgrest = external
      ? new ExternalPostgrest({ port: postgrestPort })
      : await this.#startPostgrest({ postgres, data, jwks: tokens.postgrestJwks, api: config.api });
    await this.#keep(new Gateway({ url, keys, tokens, auth, postgrest })).listen(fd);
    this.parts = external ? {} : { postgres, postgrest };
    return {
      url,
      publishable_key: keys.publishable_key,
      secret_key: keys.secret_key,
      database_url: databaseUrl("postgres"),
      admin_database_url: databaseUrl("supabase_admin"),
      jwks_url: `${url}/auth/v1/.well-known/jwks.json`,
      data_dir: data,
    };
  }

  /** Carry out `start`, `stop` or `kill` and the name of a part: what a test of an outage needs. */
  async command(line) {
    const [verb, name] = line.split(" ");
    const part = this.parts[name];
    if (!part || !["start", "stop", "kill"].includes(verb)) throw new StackError(`Unknown command: ${line}`);
    await part[verb]();
    if (line === "start postgres") await this.parts.postgrest.recovered();
  }

  /** End what has been started, the last first. */
  async close() {
    this.#ending = true;
    for (const part of this.#parts.reverse()) await part.close();
  }

  async #startPostgres({ data, port, keys }) {
    const user = await postgresUser();
    const native = readablePostgres(findPostgres(), user);
    const made = isBootstrapped(data);
    const postgres = this.#keep(new Postgres({ data, native, user, port }));
    const initialised = made ? undefined : postgres.initialise();
    // By far the largest module: it is loaded while initdb works.
    await Promise.all([initialised, import("@supabase/lite")]);
    await postgres.start();
    if (!made) await bootstrap(postgres, data);
    await setPasswords(postgres, keys);
    return postgres;
  }

  async #startPostgrest(options) {
    const postgrest = this.#keep(new Postgrest({ binary: findPostgrest(), ...options }));
    await postgrest.start();
    return postgrest;
  }

  #keep(part) {
    this.#parts.push(part);
    if (this.#ending) throw new StackError("The stack was ended while it started.");
    return part;
  }
}
