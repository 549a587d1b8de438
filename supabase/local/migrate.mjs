import { join } from "node:path";
import { Child } from "./child.mjs";
import { StackError } from "./errors.mjs";

/**
 * The Supabase CLI at work: it applies the project's migrations and seed, as one does to a hosted project.
 */
export class Migration {
  /** @param {{cli: string, project: string, data: string, databaseUrl: string}} options */
  constructor({ cli, project, data, databaseUrl }) {
    this.child = new Child(
      cli,
      ["db", "push", `--remote=${databaseUrl}`, "--include-seed", "--yes", "--agent", "no", "--workdir", project],
      {
        log: join(data, "migrations.log"),
        env: { PATH: process.env.PATH, HOME: data, PGSSLMODE: "disable", DO_NOT_TRACK: "1" },
      },
    );
  }

  async finish() {
    const how = await this.child.exited;
    if (how !== 0) throw new StackError(`The migrations failed (supabase db push):\n${this.child.output()}`);
  }

  close() {
    return this.child.stop();
  }
}
