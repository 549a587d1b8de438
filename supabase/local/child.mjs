import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const STOP_MILLISECONDS = 20_000;
const PROBE_MILLISECONDS = 10;

// Node killed with -9 runs no cleanup. Its end closes the guard's stdin, and the guard ends the child.
const GUARD = `
read -r over && exit
kill -s "$2" "$1"
tries=0
while kill -s 0 "$1" && [ "$tries" -lt 150 ]; do sleep 0.1; tries=$((tries + 1)); done
kill -s KILL "$1"
`;

/** A process of the stack: in a session of its own, logging to a file, ended when Node ends. */
export class Child {
  /**
   * @param {string} command
   * @param {string[]} args
   * @param {object} options those of `spawn`, and
   * @param {string} options.log the file that its output is appended to
   * @param {NodeJS.Signals} [options.stopSignal] asks it to end
   * @param {NodeJS.Signals} [options.killSignal] ends it as a crash would
   */
  constructor(command, args, { log, stopSignal = "SIGTERM", killSignal = "SIGKILL", ...options }) {
    this.log = log;
    this.stopSignal = stopSignal;
    this.killSignal = killSignal;
    const file = openSync(log, "a", 0o600);
    this.logStart = statSync(log).size;
    // Detached: a Ctrl-C in the terminal does not reach it, so that Node can end its children in order.
    this.process = spawn(command, args, { ...options, detached: true, stdio: ["ignore", file, file] });
    closeSync(file);
    /** How it ended: 0, another exit status, a signal's name, or why it could not be started. */
    this.exited = new Promise((resolve) => {
      this.process.once("error", (error) => resolve(error.message));
      this.process.once("exit", (status, signal) => resolve(signal ?? status));
    }).then((how) => {
      this.running = false;
      this.guard?.stdin.end("over\n");
      return how;
    });
    this.running = true;
    if (this.process.pid) this.guard = startGuard(this.process.pid, stopSignal);
  }

  /** What it has logged since it was started. */
  output() {
    return readFileSync(this.log).subarray(this.logStart).toString().trim();
  }

  /**
   * Ask `probe` until it says yes.
   * @param {() => Promise<boolean>} probe
   * @returns {Promise<boolean>} false if the child ended first
   */
  async ready(probe) {
    while (this.running) {
      if (await probe()) return true;
      await Promise.race([this.exited, sleep(PROBE_MILLISECONDS)]);
    }
    return false;
  }

  /** Ask it to end, wait, and kill it if it does not. */
  async stop() {
    if (!this.running) return;
    this.process.kill(this.stopSignal);
    const timer = setTimeout(() => this.process.kill("SIGKILL"), STOP_MILLISECONDS);
    await this.exited;
    clearTimeout(timer);
  }

  async kill() {
    this.process.kill(this.killSignal);
    await this.exited;
  }
}

function startGuard(pid, signal) {
  const guard = spawn("/bin/sh", ["-c", GUARD, "guard", String(pid), signal.slice("SIG".length)], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  guard.stdin.on("error", () => {}); // somebody killed the guard
  guard.unref();
  return guard;
}
