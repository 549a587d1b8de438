import {
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  rmSync,
  statfsSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Child } from "./child.mjs";
import { StackError } from "./errors.mjs";
import { execute } from "./execute.mjs";
import { findFreePort } from "./ports.mjs";

const PORT_ATTEMPTS = 20;
const ROOM_BYTES = 1_000_000;

/** Postgres 17 with its files in `<data>/postgres`, on 127.0.0.1 and on a unix socket in a private folder. */
export class Postgres {
  /** @param {{data: string, native: string, user: {uid?: number, gid?: number}, port: number}} options port 0: any */
  constructor({ data, native, user, port }) {
    this.folder = join(data, "postgres");
    this.sockets = join(data, "sockets");
    this.log = join(data, "postgres.log");
    this.native = native;
    this.user = user;
    this.port = port;
  }

  /** Make the cluster afresh. */
  async initialise() {
    rmSync(this.folder, { recursive: true, force: true }); // the rest of an attempt that was cut short
    mkdirSync(this.folder, { mode: 0o700 });
    this.#giveToUser(this.folder);
    this.child = this.#spawn("initdb", [
      ...["--username", "supabase_admin", "--auth-local", "trust", "--auth-host", "scram-sha-256"],
      ...["--encoding", "UTF8", "--locale", "C", "--locale-provider", "icu", "--icu-locale", "en-US"],
      ...["--no-instructions", "--no-clean"],
    ]);
    const how = await this.child.exited;
    if (how !== 0) throw this.#explain(`initdb failed (${how})`);
  }

  async start() {
    this.socketFolder ??= this.#makeSocketFolder();
    const anyPort = this.port === 0;
    for (let attempt = 1; ; attempt += 1) {
      if (anyPort) this.port = await findFreePort();
      this.child = this.#spawn("postgres", [
        ...["-p", String(this.port), "-c", "listen_addresses=127.0.0.1"],
        ...["-c", `unix_socket_directories=${this.socketFolder}`, "-c", "unix_socket_permissions=0700"],
        ...["-c", "wal_level=logical", "-c", "timezone=UTC", "-c", "log_timezone=UTC"],
      ]);
      if (await this.child.ready(() => this.#accepts())) return;
      const taken = this.child.output().includes("Address already in use");
      // Between the look for a free port and Postgres's bind somebody else can take it: look again.
      if (taken && anyPort && attempt < PORT_ATTEMPTS) continue;
      if (taken) throw new StackError(`Port ${this.port} is taken.`, { port: this.port });
      throw this.#explain("Postgres ended at its start");
    }
  }

  stop() {
    return this.child.stop();
  }

  /** End it without a shutdown checkpoint: it recovers from its log at the next start, as after a crash. */
  kill() {
    return this.child.kill();
  }

  async close() {
    await this.child?.stop();
    if (this.socketFolder) this.#removeSocketFolder();
  }

  /** For the `postgres` driver: the unix socket, where the folder's mode stands for a password. */
  connectionOptions(database, username) {
    return { host: this.socketFolder, port: this.port, database, username, onnotice: () => {} };
  }

  /** Run scripts one after the other as superuser. */
  execute(database, scripts) {
    return execute(this.connectionOptions(database, "supabase_admin"), scripts);
  }

  async #accepts() {
    try {
      await this.execute("template1", ["select"]);
      return true;
    } catch {
      return false;
    }
  }

  #spawn(program, args) {
    // Postgres's user may not be allowed to walk to the folder (below /root, say). Root starts it inside, and
    // Linux lets a process name its own working directory without walking there.
    const folder = this.user.uid !== undefined && process.platform === "linux" ? "/proc/self/cwd" : this.folder;
    return new Child(join(this.native, "bin", program), ["-D", folder, ...args], {
      ...this.user,
      cwd: this.folder,
      env: { PATH: process.env.PATH, LC_ALL: "C", TZ: "UTC" },
      log: this.log,
      stopSignal: "SIGINT",
      killSignal: "SIGQUIT",
    });
  }

  /**
   * Not below the data directory: a socket's path has room for about a hundred characters. And for root not in
   * its own TMPDIR, which may be closed to Postgres's user.
   */
  #makeSocketFolder() {
    this.#removeSocketFolder(); // of a stack that was killed
    const folder = mkdtempSync(join(this.user.uid === undefined ? tmpdir() : "/tmp", "topup-"));
    this.#giveToUser(folder);
    symlinkSync(folder, this.sockets);
    return folder;
  }

  #removeSocketFolder() {
    if (!lstatSync(this.sockets, { throwIfNoEntry: false })) return;
    rmSync(readlinkSync(this.sockets), { recursive: true, force: true });
    unlinkSync(this.sockets);
  }

  #giveToUser(folder) {
    if (this.user.uid !== undefined) chownSync(folder, this.user.uid, this.user.gid);
  }

  #explain(what) {
    const output = this.child.output();
    // A full disk may have no room for the message either.
    const { bavail, bsize } = statfsSync(this.folder);
    if (output.includes("No space left on device") || bavail * bsize < ROOM_BYTES) {
      return new StackError(`The disk is full: free some space, or put the data directory elsewhere (${this.folder}).`);
    }
    return new StackError(`${what}:\n${output}`);
  }
}
