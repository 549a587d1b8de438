const isoTimestamp = (oid) => ({
  to: oid,
  from: [oid],
  serialize: (value) => value,
  // Postgres prints "2023-01-01 00:00:00+00"; clients parse what Supabase Auth sends, "2023-01-01T00:00:00Z".
  parse: (value) => `${value.replace(" ", "T").replace(/\+00$/, "")}Z`,
});

/**
 * Supabase Auth, as far as @supabase/lite has it: its /auth/v1 routes, and no other.
 * @param {{postgres: import("./postgres.mjs").Postgres, keys: object, settings: object, url: string}} options
 * @returns {Promise<{answer: (request: Request) => Promise<Response>, close: () => Promise<void>}>}
 */
export async function createAuth({ postgres, keys, settings, url }) {
  const { App, ConsoleEmailDriver } = await import("@supabase/lite");
  const { createPostgresConnection } = await import("@supabase/lite/postgres");
  const connection = createPostgresConnection({
    postgresOptions: {
      ...postgres.connectionOptions("postgres", "supabase_auth_admin"),
      max: 5,
      types: { timestamp: isoTimestamp(1114), timestamptz: isoTimestamp(1184) },
    },
  });
  const app = new App({
    connection,
    api: { external_url: url },
    auth: { ...settings, enabled: true, jwt_secret: keys.internal_secret },
    studio: { enabled: false },
    // Mail goes to the log, from where its link can be opened.
    options: { server: { apiKeys: false }, drivers: { email: new ConsoleEmailDriver({ logger: stderrLogger }) } },
  });
  return { answer: (request) => app.fetch(request), close: () => connection.close() };
}

// stdout belongs to the protocol of start.mjs.
const stderrLogger = { info: (...parts) => console.error(...parts) };
