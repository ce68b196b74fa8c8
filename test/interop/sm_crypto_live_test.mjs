// sm-crypto as a client of a running node of suite gm: it signs what the node accepts (SM2-SM3, kid
// by RFC 7638 with SHA-256), and verifies every transaction, id and inclusion proof of the log.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import sm from "sm-crypto";
import { NETWORK, canonical, entries, getJson, payload, post, qifeng, rootOf, start, stop, url64 } from "./node.mjs";

const url = await start("gm");
const userId = "1234567812345678";
const hash = `sm3:${"ab".repeat(32)}`;
const sm3 = (bytes) => Buffer.from(sm.sm3([...Buffer.from(bytes)]), "hex");
const hex = (text) => Buffer.from(text, "base64url").toString("hex");
const point = (jwk) => `04${hex(jwk.x)}${hex(jwk.y)}`;
const thumbprint = (jwk) => createHash("sha256").update(canonical(jwk)).digest("base64url");
let checks = 0;

function client() {
  const pair = sm.sm2.generateKeyPairHex();
  const half = (n) => url64(Buffer.from(pair.publicKey.slice(2 + 64 * n, 66 + 64 * n), "hex"));
  const jwk = { crv: "SM2", kty: "EC", x: half(0), y: half(1) };
  const kid = thumbprint(jwk);
  const sign = (ops) => {
    const header = canonical({ alg: "SM2-SM3", kid, typ: "qf-tx" });
    const input = `${url64(header)}.${url64(payload(ops))}`;
    const signature = sm.sm2.doSignature(input, pair.privateKey, { hash: true, userId });
    return `${input}.${url64(Buffer.from(signature, "hex"))}`;
  };
  return { jwk, kid, sign };
}

const accept = async (jws) => {
  const answer = await post(url, jws);
  assert.equal(answer.status, "accepted", JSON.stringify(answer));
  assert.equal(answer.id, sm3(jws.slice(0, jws.lastIndexOf("."))).toString("hex"));
  checks += 2;
  return answer;
};
const signed = (ops) =>
  qifeng(["tx", "sign", "--key", "data/keys/admin.pem", "--network", NETWORK, "-"], JSON.stringify(ops)).trim();

const people = [client(), client()];
for (const [i, { jwk }] of people.entries())
  await accept(signed([{ op: "identity.key.add", actor: `p-${i}`, key: jwk, roles: ["recorder"] }]));
for (const person of people)
  for (let i = 0; i < 10; i++) {
    const jws = person.sign([{ op: "evidence.record", id: `${person.kid}/${i}`, hash, source: "骑缝" }]);
    const [header, body, signature] = jws.split(".");
    const bytes = Buffer.from(signature, "base64url");
    bytes[40] ^= 1;
    const bad = await post(url, [header, body, url64(bytes)].join("."));
    assert.equal(bad.problem.type, "urn:qifeng:problem:bad-signature");
    await accept(jws);
    checks += 1;
  }

const { log_size: size, suite } = await getJson(url, "/v1/network");
assert.equal(suite, "gm");
const list = await entries(url, size);
for (const [leaf, bytes] of list.entries()) {
  const entry = JSON.parse(bytes.toString());
  const [header, body, signature] = entry.tx.split(".");
  const { alg, kid } = JSON.parse(Buffer.from(header, "base64url").toString());
  assert.equal(alg, "SM2-SM3");
  const { jwk } = await getJson(url, `/v1/keys/${kid}`);
  assert.equal(thumbprint(jwk), kid);
  const verify = (input) =>
    sm.sm2.doVerifySignature(input, hex(signature), point(jwk), { hash: true, userId });
  assert.ok(verify(`${header}.${body}`));
  assert.ok(!verify(`${header}.${body}x`));
  // The bundle's second proof is over the SM3 tree, whose root the checkpoint's third line has.
  const id = sm3(`${header}.${body}`).toString("hex");
  const bundle = await getJson(url, `/v1/transactions/${id}/bundle`);
  assert.equal(bundle.entry, bytes.toString());
  const line = bundle.checkpoint.split("\n").find((text) => text.startsWith("sm3 "));
  const count = Number(bundle.checkpoint.split("\n")[1]);
  assert.equal(rootOf(sm3, bytes, leaf, count, bundle.proof_sm3), line.slice(4));
  checks += 6;
}
await stop();
console.log(`${checks} checks`);
