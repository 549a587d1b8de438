import { execute } from "./execute.mjs";

/** A Postgres on 127.0.0.1 that somebody else runs, provisioned and with this data directory's passwords. */
export class ExternalPostgres {
  /** @param {{port: number, keys: object}} options */
  constructor({ port, keys }) {
    this.port = port;
    this.keys = keys;
  }

  /** As `Postgres` has it, over TCP. A role without a password of its own has supabase_admin's. */
  connectionOptions(database, username) {
    const password = this.keys[`${username}_password`] ?? this.keys.supabase_admin_password;
    return { host: "127.0.0.1", port: this.port, database, username, password, onnotice: () => {} };
  }

  /** Run scripts one after the other as superuser. */
  execute(database, scripts) {
    return execute(this.connectionOptions(database, "supabase_admin"), scripts);
  }
}

/** A PostgREST on 127.0.0.1 that somebody else runs. */
export class ExternalPostgrest {
  /** @param {{port: number}} options */
  constructor({ port }) {
    this.address = { host: "127.0.0.1", port };
  }
}
