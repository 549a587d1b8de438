import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { StackError } from "./errors.mjs";

const WAIT_MILLISECONDS = 10_000;

/**
 * See that no Postgres of an earlier stack runs on `folder`. One that is being ended, because its stack was
 * killed a moment ago, is waited for; one that stays is an error.
 */
export async function waitForLeftOver(folder) {
  const file = join(folder, "postmaster.pid");
  const until = Date.now() + WAIT_MILLISECONDS;
  while (existsSync(file)) {
    const pid = Number(readFileSync(file, "utf8").split("\n", 1)[0]);
    if (commandName(pid) !== "postgres") {
      rmSync(file, { force: true }); // its process is gone, and the number may be somebody else's by now
    } else if (Date.now() > until) {
      throw new StackError(
        `An earlier Postgres (pid ${pid}) still runs on ${folder}: end it with \`kill -INT ${pid}\`, ` +
          "or choose another data directory.",
      );
    } else {
      await sleep(50);
    }
  }
}

function commandName(pid) {
  const { stdout } = spawnSync("ps", ["-p", String(pid), "-o", "comm="], { encoding: "utf8" });
  return stdout?.trim().split("/").at(-1);
}
