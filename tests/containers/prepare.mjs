/**
 * What containers need of the local stack. `folder` is the stack's data directory.
 *
 *   node prepare.mjs keys FOLDER
 *     makes its keys; prints {password, jwks}: supabase_admin's password, and the keys that PostgREST trusts
 *   node prepare.mjs database FOLDER PORT PROJECT
 *     makes a project's database of the one that a fresh container has on PORT: roles, auth, migrations, seed
 */
import { findSupabaseCli } from "../../supabase/local/binaries.mjs";
import { bootstrap, setPasswords } from "../../supabase/local/bootstrap.mjs";
import { ExternalPostgres } from "../../supabase/local/external.mjs";
import { loadKeys } from "../../supabase/local/keys.mjs";
import { Migration } from "../../supabase/local/migrate.mjs";
import { createTokens } from "../../supabase/local/tokens.mjs";

const [step, folder, port, project] = process.argv.slice(2);
const keys = loadKeys(folder);

if (step === "keys") {
  const { postgrestJwks } = await createTokens(keys, "");
  console.log(JSON.stringify({ password: keys.supabase_admin_password, jwks: JSON.stringify(postgrestJwks) }));
} else {
  const postgres = new ExternalPostgres({ port: Number(port), keys });
  await bootstrap(postgres, folder);
  await setPasswords(postgres, keys);
  await postgres.execute("postgres", [
    `alter role authenticator password '${keys.supabase_admin_password}'`,
    `alter role supabase_auth_admin password '${keys.supabase_admin_password}'`,
  ]);
  const databaseUrl = `postgresql://postgres:${keys.postgres_password}@127.0.0.1:${port}/postgres`;
  await new Migration({ cli: findSupabaseCli(), project, data: folder, databaseUrl }).finish();
}
