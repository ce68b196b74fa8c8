// A real node (argument 2 of the script is the program) in a folder of its own, and what is read
// from it over HTTP.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const program = resolve(process.argv[2]);
const folder = mkdtempSync(join(tmpdir(), "qf-live-"));
let child = null;
process.on("exit", () => {
  child?.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

export const NETWORK = "live";
export const url64 = (bytes) => Buffer.from(bytes).toString("base64url");
export const canonical = (value) =>
  JSON.stringify(value, (_, part) =>
    part && typeof part === "object" && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );

/** Runs the program; its standard output. */
export function qifeng(args, input) {
  const done = spawnSync(program, args, { cwd: folder, input, encoding: "utf8" });
  if (done.status !== 0) throw new Error(`${args.join(" ")}: ${done.status} ${done.stderr}`);
  return done.stdout;
}

/** The same, while what runs here goes on; resolves when it ended well. */
export const meanwhile = (args) =>
  new Promise((done, fail) =>
    spawn(program, args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] }).once("exit", (code) =>
      code === 0 ? done() : fail(new Error(`${args.join(" ")}: ${code}`)),
    ),
  );

export const read = (name) => readFileSync(join(folder, name), "utf8");

const init = (suite) =>
  qifeng(["init", "data", "--network", NETWORK, "--suite", suite, "--no-passphrase"]);

/** Makes a network whose node.yaml also has what `make` gives for the data directory. */
export function settings(suite, make) {
  init(suite);
  appendFileSync(join(folder, "data/node.yaml"), make("data"));
}

/** Makes a network unless there is one, serves it; the address. */
export async function start(suite) {
  if (!existsSync(join(folder, "data/genesis.json"))) init(suite);
  child = spawn(program, ["node", "data", "--listen", "127.0.0.1:0"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of child.stdout) {
    assert.match(line.toString(), /^ready /);
    return line.toString().trim().split(" ")[1];
  }
  throw new Error("the node did not start");
}

export async function stop() {
  const ended = new Promise((done) => child.once("exit", done));
  child.kill("SIGTERM");
  assert.equal(await ended, 0);
  child = null;
}

export const payload = (ops) =>
  canonical({
    exp: Math.floor(Date.now() / 1000) + 600,
    net: NETWORK,
    nonce: url64(crypto.getRandomValues(new Uint8Array(16))),
    ops,
  });

export async function post(url, jws) {
  const answer = await fetch(`${url}/v1/transactions`, {
    method: "POST",
    body: jws,
    headers: { "content-type": "application/jose" },
  });
  return { status: answer.status, ...(await answer.json()) };
}

export const getJson = async (url, path) => {
  const answer = await fetch(url + path);
  assert.equal(answer.status, 200, path);
  return answer.json();
};

/** All entries of the log (fewer than a tile's 256), as bytes. */
export async function entries(url, size) {
  const answer = await fetch(`${url}/tile/entries/000.p/${size}`);
  assert.equal(answer.status, 200);
  const bytes = Buffer.from(await answer.arrayBuffer());
  const list = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt16BE(at);
    list.push(bytes.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  assert.equal(list.length, size);
  return list;
}

/** The root that an inclusion proof (RFC 9162 2.1.3.2) leads to. */
export function rootOf(hash, leaf, index, size, proof) {
  const node = (left, right) => hash(Buffer.concat([Buffer.from([1]), left, right]));
  let [fn, sn, got] = [index, size - 1, hash(Buffer.concat([Buffer.from([0]), leaf]))];
  for (const item of proof) {
    const sibling = Buffer.from(item, "base64");
    assert.ok(sn > 0, "the proof is too long");
    if (fn % 2 === 1 || fn === sn) {
      got = node(sibling, got);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [fn >> 1, sn >> 1];
    } else {
      got = node(got, sibling);
    }
    [fn, sn] = [fn >> 1, sn >> 1];
  }
  assert.equal(sn, 0, "the proof is too short");
  return got.toString("base64");
}
