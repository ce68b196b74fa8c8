// Runs the crypto tool in a folder of its own.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const program = resolve(process.argv[2]);
const folder = mkdtempSync(join(tmpdir(), "qf-node-"));
process.on("exit", () => rmSync(folder, { recursive: true }));

export const put = (name, bytes) => writeFileSync(join(folder, name), bytes);
export const get = (name) => readFileSync(join(folder, name));

/** Exit status and output of one command of the tool. */
export function run(...args) {
  const done = spawnSync(program, args, { cwd: folder, encoding: "utf8" });
  if (done.status === null || done.status === 2) throw new Error(`${args.join(" ")}: ${done.stderr}`);
  return { status: done.status, out: done.stdout.trim(), err: done.stderr };
}

export function must(...args) {
  const done = run(...args);
  if (done.status !== 0) throw new Error(`${args.join(" ")}: ${done.err}`);
  return done.out;
}
