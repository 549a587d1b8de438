import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { StackError } from "./errors.mjs";

const NAME = "topup-postgres";
const CACHE = "/var/cache/topup";

/**
 * The user that Postgres runs as: Postgres refuses root, so root needs a system user for it, made once.
 * @returns {Promise<{uid?: number, gid?: number}>} empty where the stack is not run by root
 */
export async function postgresUser() {
  if (process.getuid() !== 0) return {};
  // Another stack may be making it at the same moment: useradd then fails on its lock or finds it done.
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const ids = lookUp();
    if (ids) return ids;
    spawnSync("useradd", ["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME]);
    if (!lookUp()) await sleep(100);
  }
  throw new StackError(`Postgres refuses to run as root, and useradd made no user for it: create one named ${NAME}.`);
}

function lookUp() {
  const [uid, gid] = ["-u", "-g"].map((flag) => spawnSync("id", [flag, NAME], { encoding: "utf8" }));
  return uid.status === 0 && gid.status === 0 ? { uid: Number(uid.stdout), gid: Number(gid.stdout) } : undefined;
}

/**
 * Postgres's folder where `user` can read it: the installed one, or a copy if that lies in a private place
 * like /root.
 */
export function readablePostgres(native, user) {
  if (user.uid === undefined || runs(native, user)) return native;
  const version = readFileSync(join(native, "../package.json"), "utf8");
  const copy = join(CACHE, `postgres-${JSON.parse(version).version}`);
  if (!existsSync(copy)) {
    mkdirSync(CACHE, { recursive: true });
    chmodSync(CACHE, 0o755); // whatever the umask
    const half = mkdtempSync(join(CACHE, "copying-"));
    cpSync(native, half, { recursive: true, verbatimSymlinks: true });
    execFileSync("chmod", ["-R", "a+rX", half]);
    try {
      renameSync(half, copy);
    } catch {
      rmSync(half, { recursive: true }); // another stack was quicker
    }
  }
  if (!runs(copy, user)) throw new StackError(`Postgres's user ${NAME} cannot run ${copy}: make it readable for all.`);
  return copy;
}

function runs(native, user) {
  return spawnSync(join(native, "bin/postgres"), ["--version"], { ...user, cwd: "/" }).status === 0;
}
