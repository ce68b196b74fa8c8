// jose (RFC 7515, 7517, 7638, 8037) as the other side, both ways.
import assert from "node:assert/strict";
import * as jose from "jose";
import { must, put, run } from "./tool.mjs";

const payload = JSON.stringify({ exp: 1767225600, net: "beijing", note: "骑缝" });
const bytes = new TextEncoder().encode(payload);
put("payload", payload);
let checks = 0;

const flip = (jws) => {
  const [header, body, signature] = jws.split(".");
  const other = Buffer.from(body, "base64url");
  other[10] ^= 1;
  return [header, other.toString("base64url"), signature].join(".");
};

for (const alg of ["ES256", "EdDSA"]) {
  must("keygen", alg, `${alg}.key`);
  const ours = JSON.parse(must("public", `${alg}.key`));
  assert.equal(await jose.calculateJwkThumbprint(ours.jwk, "sha256"), ours.kid);
  const key = await jose.importJWK(ours.jwk, alg);
  for (let i = 0; i < 20; i++) {
    const jws = must("jws", `${alg}.key`, "payload");
    const got = await jose.compactVerify(jws, key);
    assert.equal(new TextDecoder().decode(got.payload), payload);
    assert.deepEqual(got.protectedHeader, { alg, kid: ours.kid, typ: "qf-tx" });
    await assert.rejects(jose.compactVerify(flip(jws), key), jose.errors.JWSSignatureVerificationFailed);
    checks += 3;
  }

  const pair = await jose.generateKeyPair(alg, { extractable: true });
  const jwk = await jose.exportJWK(pair.publicKey);
  const kid = await jose.calculateJwkThumbprint(jwk, "sha256");
  put("jwk", JSON.stringify(jwk));
  put("private.pem", await jose.exportPKCS8(pair.privateKey));
  assert.equal(JSON.parse(must("public", "private.pem")).kid, kid);
  for (let i = 0; i < 20; i++) {
    const jws = await new jose.CompactSign(bytes)
      .setProtectedHeader({ alg, kid, typ: "qf-tx" })
      .sign(pair.privateKey);
    put("jws", jws);
    assert.equal(must("jws-verify", "jwk", "jws"), payload);
    put("jws", flip(jws));
    assert.equal(run("jws-verify", "jwk", "jws").status, 1);
    checks += 2;
  }
  put("jwk", JSON.stringify(await jose.exportJWK(pair.privateKey)));
  put("jws", must("jws", `${alg}.key`, "payload"));
  assert.match(run("jws-verify", "jwk", "jws").err, /bad-field: d:/);
  checks += 3;
}
console.log(`${checks} checks`);
