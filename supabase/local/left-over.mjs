import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { StackError } from "./errors.mjs";

// After a Node killed with -9, the guard asks Postgres to stop at once; writing out its data may take longer.
const ASKED_WITHIN_MILLISECONDS = 5_000;
const STOPPED_WITHIN_MILLISECONDS = 60_000;

/** See that no Postgres of an earlier stack runs on `folder`: wait for one that is stopping, refuse any other. */
export async function waitForLeftOver(folder) {
  const file = join(folder, "postmaster.pid");
  const start = Date.now();
  for (;;) {
    const lines = readLines(file);
    if (!lines) return;
    const pid = Number(lines[0]);
    const patience = lines[7]?.trim() === "stopping" ? STOPPED_WITHIN_MILLISECONDS : ASKED_WITHIN_MILLISECONDS;
    if (commandName(pid) !== "postgres") {
      rmSync(file, { force: true }); // its process is gone, and the number may be somebody else's by now
    } else if (Date.now() - start > patience) {
      throw new StackError(
        `An earlier Postgres (pid ${pid}) still runs on ${folder}: end it with \`kill -INT ${pid}\`, ` +
          "or choose another data directory.",
      );
    } else {
      await sleep(50);
    }
  }
}

function readLines(file) {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

function commandName(pid) {
  const { stdout } = spawnSync("ps", ["-p", String(pid), "-o", "comm="], { encoding: "utf8" });
  return stdout?.trim().split("/").at(-1);
}
