// jose as a client of a running node: it signs what the node accepts, in both algorithms of suite
// intl, and verifies every transaction of the log that the node serves, ours among them.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as jose from "jose";
import { NETWORK, entries, getJson, payload, post, qifeng, read, rootOf, start, stop } from "./node.mjs";

const url = await start("intl");
const hash = `sha-256:${"ab".repeat(32)}`;
const sha256 = (bytes) => createHash("sha256").update(bytes).digest();
let checks = 0;

async function client(alg, key, publicKey) {
  const jwk = await jose.exportJWK(publicKey);
  const kid = await jose.calculateJwkThumbprint(jwk, "sha256");
  const sign = (ops) =>
    new jose.CompactSign(new TextEncoder().encode(payload(ops)))
      .setProtectedHeader({ alg, kid, typ: "qf-tx" })
      .sign(key);
  return { alg, jwk, kid, sign };
}

const accept = async (jws) => {
  const answer = await post(url, jws);
  assert.equal(answer.status, "accepted", JSON.stringify(answer));
  const [header, body] = jws.split(".");
  assert.equal(answer.id, sha256(`${header}.${body}`).toString("hex"));
  checks += 2;
  return answer;
};

const spoilt = (jws) => {
  const [header, body, signature] = jws.split(".");
  const bytes = Buffer.from(signature, "base64url");
  bytes[5] ^= 1;
  return [header, body, bytes.toString("base64url")].join(".");
};

// The admin's key file is PKCS#8: jose signs with it as it is.
const pem = read("data/keys/admin.pem");
const adminKey = await jose.importPKCS8(pem, "ES256", { extractable: true });
const { d, ...adminJwk } = await jose.exportJWK(adminKey);
assert.ok(d);
const admin = await client("ES256", adminKey, await jose.importJWK(adminJwk, "ES256"));
const people = [admin];
for (const alg of ["EdDSA", "ES256"]) {
  const pair = await jose.generateKeyPair(alg);
  const person = await client(alg, pair.privateKey, pair.publicKey);
  await accept(
    await admin.sign([{ op: "identity.key.add", actor: `p-${alg}`, key: person.jwk, roles: ["recorder"] }]),
  );
  people.push(person);
}
for (const person of people)
  for (let i = 0; i < 10; i++) {
    const jws = await person.sign([
      { op: "evidence.record", id: `${person.kid}/${i}`, hash, attributes: { 标题: "骑缝", n: i } },
    ]);
    const bad = await post(url, spoilt(jws));
    assert.equal(bad.problem.type, "urn:qifeng:problem:bad-signature");
    await accept(jws);
    const again = await post(url, jws);
    assert.equal(again.problem.type, "urn:qifeng:problem:duplicate");
    checks += 2;
  }

// Ours, to be verified by jose with the rest.
const ours = qifeng(
  ["tx", "sign", "--key", "data/keys/admin.pem", "--network", NETWORK, "-"],
  JSON.stringify([{ op: "evidence.record", id: "ours", hash }]),
).trim();
const last = await accept(ours);

const { log_size: size, log_root: root } = await getJson(url, "/v1/network");
assert.equal(size, last.leaf + 1);
const list = await entries(url, size);
for (const [leaf, bytes] of list.entries()) {
  const entry = JSON.parse(bytes.toString());
  const { kid, alg, typ } = jose.decodeProtectedHeader(entry.tx);
  const { jwk, status } = await getJson(url, `/v1/keys/${kid}`);
  assert.equal(status, "active");
  assert.equal(await jose.calculateJwkThumbprint(jwk, "sha256"), kid);
  const key = await jose.importJWK(jwk, alg);
  const { payload: text } = await jose.compactVerify(entry.tx, key);
  assert.equal(JSON.parse(new TextDecoder().decode(text)).net, NETWORK);
  assert.equal(typ, "qf-tx");
  await assert.rejects(jose.compactVerify(spoilt(entry.tx), key), jose.errors.JWSSignatureVerificationFailed);
  const { proof } = await getJson(url, `/v1/proof?leaf=${leaf}&size=${size}`);
  assert.equal(rootOf(sha256, bytes, leaf, size, proof), Buffer.from(root, "hex").toString("base64"));
  const id = sha256(entry.tx.slice(0, entry.tx.lastIndexOf("."))).toString("hex");
  const shown = await getJson(url, `/v1/transactions/${id}`);
  assert.equal(shown.jws, entry.tx);
  assert.equal(shown.leaf, leaf);
  checks += 7;
}
await stop();
console.log(`${checks} checks`);
