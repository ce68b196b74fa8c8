// npm http-message-signatures (RFC 9421) as a client of a node that is read by members only: with
// keys of every algorithm of suite intl it reads, and nobody without a good signature does.
import assert from "node:assert/strict";
import { createHash, createPrivateKey, generateKeyPairSync } from "node:crypto";
import { request } from "node:http";
import { createSigner, httpbis } from "http-message-signatures";
import * as jose from "jose";
import { NETWORK, qifeng, read, settings, start, stop } from "./node.mjs";

settings("intl", () => "api:\n  read: members\n");
const url = await start("intl");
let checks = 0;

/** Status, problem's type and field, headers, body. */
function send(method, target, headers = {}, body) {
  return new Promise((done, failed) => {
    const asked = request(url + target, { method, headers, agent: false }, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => {
        const text = Buffer.concat(parts).toString();
        let json = {};
        try {
          json = JSON.parse(text);
        } catch {
          // not JSON: a note, tiles
        }
        const type = json.type?.replace("urn:qifeng:problem:", "");
        done({ status: answer.statusCode, headers: answer.headers, text, json, type, field: json.field });
      });
    });
    asked.on("error", failed);
    asked.end(body);
  });
}

const refused = async (status, type, field, ...args) => {
  const got = await send(...args);
  assert.deepEqual([got.status, got.type, got.field], [status, type, field], got.text);
  assert.ok(got.json.cure);
  checks += 1;
};

async function person(alg, key) {
  const { d, ...jwk } = await jose.exportJWK(key);
  assert.ok(d);
  const keyid = await jose.calculateJwkThumbprint(jwk, "sha256");
  const name = alg === "EdDSA" ? "ed25519" : "ecdsa-p256-sha256";
  return { alg, key, jwk, keyid, signer: createSigner(key, name, keyid) };
}

let count = 0;
async function signed(who, target, more = {}) {
  const { method = "GET", fields = ["@method", "@target-uri"], values = {}, headers = {}, without = [] } = more;
  const params = ["created", "keyid", "alg", "nonce"].filter((name) => !without.includes(name));
  const message = await httpbis.signMessage(
    { key: who.signer, name: "sig", fields, params, paramValues: { nonce: `n${count++}`, ...values } },
    { method, url: url + target, headers },
  );
  return message.headers;
}
const good = async (who, target, more) => {
  const got = await send("GET", target, await signed(who, target, more));
  assert.equal(got.status, 200, got.text);
  checks += 1;
  return got;
};

const admin = await person("ES256", createPrivateKey(read("data/keys/admin.pem")));
const clerk = await person("EdDSA", generateKeyPairSync("ed25519").privateKey);
const stranger = await person("EdDSA", generateKeyPairSync("ed25519").privateKey);
async function ops(list) {
  const jws = qifeng(["tx", "sign", "--key", "data/keys/admin.pem", "--network", NETWORK, "-"], JSON.stringify(list));
  const got = await send("POST", "/v1/transactions", { "content-type": "application/jose" }, jws.trim());
  assert.equal(got.json.status, "accepted", got.text);
  return got.json.id;
}
const tx = await ops([
  { op: "identity.key.add", actor: "clerk", key: clerk.jwk, roles: [] },
  { op: "evidence.record", id: "case/7", hash: `sha-256:${"ab".repeat(32)}`, attributes: { "a b": "骑缝" } },
]);

// Open to whoever asks: what shows nothing but hashes.
for (const target of ["/checkpoint", "/tile/0/000.p/1", "/openapi.json"])
  assert.equal((await send("GET", target)).status, 200, target);
const short = await send("GET", "/v1/health");
assert.deepEqual(Object.keys(short.json).sort(), ["ordering", "status", "version"]);
assert.ok((await good(admin, "/v1/health")).json.log_size > 0);

const TARGETS = [
  "/v1/network", "/v1/genesis", "/v1/members", "/v1/members/first/actors?limit=1", "/v1/evidence/case/7",
  "/v1/evidence?attributes.a%20b=%E9%AA%91%E7%BC%9D", `/v1/transactions/${tx}`, `/v1/transactions/${tx}/bundle`,
  "/v1/transactions?cursor=0&limit=5", "/tile/entries/000.p/1", `/v1/keys/${clerk.keyid}`, "/metrics",
  "/v1/proof?leaf=0", "/v1/state/evidence/record/case/7", "/v1/proposals", "/v1/services", "/v1/cases", "/v1/tasks?role=x",
];
for (const target of TARGETS) {
  const got = await send("GET", target);
  assert.deepEqual([got.status, got.type], [401, "unauthenticated"], target);
  assert.match(got.headers["accept-signature"], /@target-uri/);
  for (const who of [admin, clerk]) await good(who, target);
}
assert.match((await good(admin, "/tile/entries/000.p/1")).headers["cache-control"], /^private/);
await refused(401, "unauthenticated", "Signature-Input", "GET", "/v1/events");
await refused(401, "unauthenticated", "Signature-Input", "GET", "/v1/network?x=1");
await good(clerk, "/v1/network", { fields: ["@method", "@target-uri", "@authority", "@scheme", "@path", "@query"] });
await good(clerk, "/v1/network", { fields: ["@method", "@target-uri", "date"], headers: { date: "today" } });
await good(clerk, "/v1/network", { without: ["alg"] });

// What a signature is not good for.
const target = "/v1/evidence/case/7";
const headers = await signed(clerk, target);
assert.equal((await send("GET", target, headers)).status, 200);
await refused(401, "unauthenticated", "Signature", "GET", target, headers); // once
const fresh = () => signed(clerk, target);
await refused(401, "bad-signature", "Signature", "GET", "/v1/members", await fresh());
await refused(401, "bad-signature", "Signature", "GET", `${target}?x=1`, await fresh());
await refused(401, "bad-signature", "Signature", "GET", target, { ...(await fresh()), host: "other.example" });
await refused(401, "bad-signature", "Signature", "GET", target, await signed(clerk, target, { method: "POST" }));
const changed = await fresh();
await refused(401, "bad-signature", "Signature", "GET", target, {
  ...changed, "Signature-Input": changed["Signature-Input"].replace(/nonce="n/, 'nonce="m'),
});
await refused(401, "unknown-key", "keyid", "GET", target, await signed(stranger, target));
await refused(401, "unauthenticated", "Signature-Input", "GET", target, await signed(clerk, target, { fields: ["@method"] }));
await refused(401, "unauthenticated", "Signature-Input", "GET", target, await signed(clerk, target, { fields: ["@target-uri"] }));
await refused(401, "unauthenticated", "Signature-Input", "GET", target, await signed(clerk, target, { without: ["created"] }));
await refused(401, "unauthenticated", "Signature-Input", "GET", target, await signed(clerk, target, { without: ["keyid"] }));
const at = (seconds) => ({ values: { created: new Date(Date.now() + seconds * 1000) } });
await refused(401, "unauthenticated", "created", "GET", target, await signed(clerk, target, at(-125)));
await refused(401, "unauthenticated", "created", "GET", target, await signed(clerk, target, at(40)));
await good(clerk, target, at(-110));
await good(clerk, target, at(20));
await refused(400, "malformed", "Signature-Input", "GET", target, { "Signature-Input": "x", Signature: "sig=:AAAA:" });
await refused(400, "malformed", "Signature", "GET", target, { ...(await fresh()), Signature: "sig=:AAAA:" });
await refused(400, "bad-field", "Signature-Input", "GET", target, await (async () => {
  const made = await signed(clerk, target, { fields: ["@method", "@target-uri", "x-y"], headers: { "x-y": "1" } });
  delete made["x-y"];
  return made;
})());

// A body is covered by its digest, or is not the client's.
const body = "{}";
const digest = `sha-256=:${createHash("sha256").update(body).digest("base64")}:`;
const withBody = { fields: ["@method", "@target-uri", "content-digest"], headers: { "content-digest": digest } };
const send_ = async (made, text) => send("GET", target, { ...made, "content-length": text.length }, text);
assert.equal((await send_(await signed(clerk, target, withBody), body)).status, 200);
assert.equal((await send_(await signed(clerk, target, withBody), "[]")).field, "Content-Digest");
assert.equal((await send_(await fresh(), body)).field, "Signature-Input");

// A key that is revoked reads no more, from the block on that says so.
await good(clerk, target);
await ops([{ op: "identity.key.revoke", kid: clerk.keyid }]);
await refused(401, "key-revoked", "keyid", "GET", target, await fresh());
await stop();
assert.ok(checks > 60);
console.log(`${checks} checks`);
