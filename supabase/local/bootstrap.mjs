import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { StackError } from "./errors.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const VERSION = 1; // raised when a data directory made before would no longer do

/** Whether the data directory holds a cluster that was made to the end; throws if another version made it. */
export function isBootstrapped(data) {
  const marker = join(data, "cluster.json");
  if (!existsSync(marker)) return false;
  if (JSON.parse(readFileSync(marker, "utf8")).version === VERSION) return true;
  throw new StackError(`The data in ${data} was made by another version of this stack: start afresh (--fresh).`);
}

/** Delete the keys and the database; the logs stay. */
export function deleteCluster(data) {
  for (const name of ["cluster.json", "keys.json", "postgres"]) {
    rmSync(join(data, name), { recursive: true, force: true });
  }
}

/**
 * Turn a cluster fresh from initdb into one like a hosted project's.
 * @param {import("./postgres.mjs").Postgres} postgres
 */
export async function bootstrap(postgres, data) {
  const { getAuthSchemaSql } = await import("@supabase/lite");
  await postgres.execute("template1", [
    read("roles.sql"),
    read("database.sql"),
    "grant create on database template1 to supabase_auth_admin", // for its `create schema if not exists`
    `set role supabase_auth_admin; ${getAuthSchemaSql()}; reset role`,
    "revoke create on database template1 from supabase_auth_admin",
    read("auth.sql"),
    "drop database postgres with (force)",
  ]);
  // Nobody else may be connected to the database that is copied.
  await postgres.execute("template1", ["create database postgres owner postgres template template1"]);
  writeFileSync(join(data, "cluster.json"), JSON.stringify({ version: VERSION }));
}

/** Let the two roles that people use log in over TCP with this data directory's passwords. */
export async function setPasswords(postgres, keys) {
  await postgres.execute("postgres", [
    `alter role postgres password '${keys.postgres_password}'`,
    `alter role supabase_admin password '${keys.supabase_admin_password}'`,
  ]);
}

function read(name) {
  return readFileSync(join(here, name), "utf8");
}
