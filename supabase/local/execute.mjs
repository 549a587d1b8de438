import postgres from "postgres";

/**
 * Run scripts one after the other on one connection.
 * @param {object} options of the `postgres` driver
 * @param {string[]} scripts
 */
export async function execute(options, scripts) {
  const sql = postgres({ ...options, max: 1 });
  try {
    for (const script of scripts) await sql.unsafe(script);
  } finally {
    await sql.end();
  }
}
