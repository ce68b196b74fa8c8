// sm-crypto (SM2, SM3 in JavaScript) as the other side, both ways.
import assert from "node:assert/strict";
import sm from "sm-crypto";
import { get, must, put, run } from "./tool.mjs";

const userId = "1234567812345678";
const message = "骑缝 across the seam ".repeat(20);
put("message", message);
put("tampered", message + ".");
const hex = (text) => Buffer.from(text, "base64url").toString("hex");
let checks = 0;

must("keygen", "SM2-SM3", "key");
const ours = JSON.parse(must("public", "key")).jwk;
const point = "04" + hex(ours.x) + hex(ours.y);
for (let i = 0; i < 20; i++) {
  must("sign", "key", "message", "signature");
  const raw = get("signature").toString("hex");
  const der = get("signature.der").toString("hex");
  assert.ok(sm.sm2.doVerifySignature(message, raw, point, { hash: true, userId }));
  assert.ok(sm.sm2.doVerifySignature(message, der, point, { hash: true, der: true, userId }));
  assert.ok(!sm.sm2.doVerifySignature(message + ".", raw, point, { hash: true, userId }));
  assert.ok(!sm.sm2.doVerifySignature(message, raw, point, { hash: true, userId: "" }));
  checks += 4;
}

const pair = sm.sm2.generateKeyPairHex();
const half = (n) => Buffer.from(pair.publicKey.slice(2 + 64 * n, 66 + 64 * n), "hex").toString("base64url");
put("jwk", JSON.stringify({ kty: "EC", crv: "SM2", x: half(0), y: half(1) }));
for (let i = 0; i < 20; i++) {
  const signature = sm.sm2.doSignature(message, pair.privateKey, { hash: true, userId });
  put("signature", Buffer.from(signature, "hex"));
  must("verify", "jwk", "message", "signature");
  assert.equal(run("verify", "jwk", "tampered", "signature").status, 1);
  const der = sm.sm2.doSignature(message, pair.privateKey, { hash: true, der: true, userId });
  put("signature", Buffer.from(der, "hex"));
  must("verify", "jwk", "message", "signature");
  checks += 3;
}
console.log(`${checks} checks`);
