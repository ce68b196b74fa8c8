// standardwebhooks verifies what a running node delivers, with both kinds of signature and while a
// secret is changed; what was tampered with it refuses.
import assert from "node:assert/strict";
import { createHmac, createPublicKey, verify } from "node:crypto";
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";
import { NETWORK, meanwhile, qifeng, read, settings, start, stop } from "./node.mjs";

const received = [];
let wake = () => {};
const server = createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    received.push({ body: Buffer.concat(parts), headers: request.headers });
    response.writeHead(204).end();
    wake();
  });
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));

settings("intl", (folder) => {
  qifeng(["webhook", "secret", `${folder}/hook.secret`]);
  qifeng(["key", "create", `${folder}/hook.pem`, "--alg", "EdDSA", "--no-passphrase"]);
  return (
    `webhooks:\n  - {id: hook, url: 'http://127.0.0.1:${server.address().port}/in', ` +
    "secret: hook.secret, key: hook.pem}\n"
  );
});
const url = await start("intl");
const secrets = () => read("data/hook.secret").trim().split("\n");
const verifier = (secret) => new Webhook(secret);
const publicKey = () => {
  const { items } = JSON.parse(qifeng(["webhook", "list", "data", "--json"]));
  const bytes = Buffer.from(/whpk_([A-Za-z0-9+/=]+)/.exec(items[0].signs)[1], "base64");
  assert.equal(bytes.length, 32);
  const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), bytes]);
  return createPublicKey({ key: der, format: "der", type: "spki" });
};
let checks = 0;

async function record(id) {
  const jws = qifeng(
    ["tx", "sign", "--key", "data/keys/admin.pem", "--network", NETWORK, "-"],
    JSON.stringify([{ op: "evidence.record", id, hash: `sha-256:${"ab".repeat(32)}` }]),
  );
  const answer = await fetch(`${url}/v1/transactions`, {
    method: "POST",
    body: jws.trim(),
    headers: { "content-type": "application/jose" },
  });
  assert.equal(answer.status, 200);
}

async function arrived(count) {
  const limit = setTimeout(() => assert.fail(`${received.length} of ${count} arrived`), 10000);
  while (received.length < count) await new Promise((done) => (wake = done));
  clearTimeout(limit);
}

const ed25519 = ({ body, headers }, key) => {
  const signature = headers["webhook-signature"].split(" ").find((s) => s.startsWith("v1a,"));
  const content = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.`;
  return verify(null, Buffer.concat([Buffer.from(content), body]), key, Buffer.from(signature.slice(4), "base64"));
};

for (let i = 0; i < 20; i++) await record(`seam/${i}`);
await arrived(20);
const key = publicKey();
const [secret] = secrets();
for (const [i, { body, headers }] of received.entries()) {
  const event = verifier(secret).verify(body.toString(), headers);
  assert.equal(event.type, "evidence.record");
  assert.equal(event.data.op.id, `seam/${i}`);
  assert.equal(headers["webhook-id"], `${event.data.id}-0`);
  assert.ok(ed25519({ body, headers }, key));
  checks += 5;
  const other = Buffer.from(body);
  other[other.length >> 1] ^= 1;
  const wrong = [
    [other.toString("latin1"), headers, secret],
    [body.toString(), { ...headers, "webhook-id": "0-0" }, secret],
    [body.toString(), { ...headers, "webhook-timestamp": `${headers["webhook-timestamp"] - 1}` }, secret],
    [body.toString(), { ...headers, "webhook-timestamp": "1614265330" }, secret],
    [body.toString(), headers, `whsec_${createHmac("sha256", "x").digest("base64")}`],
  ];
  for (const [text, head, with_] of wrong) {
    assert.throws(() => verifier(with_).verify(text, head));
    checks++;
  }
  assert.ok(!ed25519({ body: other, headers }, key));
}

// Both secrets sign while one is changed; then the new one alone.
qifeng(["webhook", "secret", "data/hook.secret", "--add"]);
await record("changing");
await arrived(21);
assert.equal(secrets().length, 2);
for (const each of secrets()) {
  verifier(each).verify(received[20].body.toString(), received[20].headers);
  checks++;
}
assert.equal(received[20].headers["webhook-signature"].split(" ").length, 3);
await meanwhile(["webhook", "test", "data", "hook"]);
await arrived(22);
const trial = verifier(secret).verify(received[21].body.toString(), received[21].headers);
assert.equal(trial.type, "qifeng.webhook.test");
checks += 2;
await stop();
server.close();
console.log(`${checks} checks`);
