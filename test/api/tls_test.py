#!/usr/bin/env python3
"""TLS and mutual TLS against curl and openssl: who shows nothing, or a certificate of a foreign
authority, is refused; who belongs to a member is answered."""
import http.client
import json
import ssl
import time

from node import QIFENG, Node, check, run, work


def make(name, subject, ca=None, ca_key=None, server=False, days="1", usage="serverAuth,clientAuth"):
    run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
        f"{name}.pem")
    if ca is None:
        run("openssl", "req", "-x509", "-new", "-key", f"{name}.pem", "-subj", f"/CN={subject}",
            "-days", "2", "-out", f"{name}.crt")
        return
    run("openssl", "req", "-new", "-key", f"{name}.pem", "-subj", f"/CN={subject}", "-out",
        f"{name}.csr")
    (work / "ext").write_text("keyUsage=critical,digitalSignature\n"
                              f"extendedKeyUsage={usage}\n" +
                              ("subjectAltName=IP:127.0.0.1\n" if server else ""))
    run("openssl", "x509", "-req", "-in", f"{name}.csr", "-CA", ca, "-CAkey", ca_key,
        "-CAcreateserial", "-days", days, "-extfile", "ext", "-out", f"{name}.crt")


def curl(node, *args, good=True):
    out = run("curl", "-sS", "--max-time", "10", "--cacert", node.dir / "keys/ca.crt", *args,
              "-w", "\n%{http_code}", node.url + "/v1/network", good=good)
    body, _, code = out.rpartition(b"\n")
    return int(code or 0), body


node = Node("alpha")
ca = (node.dir / "keys/ca.crt", node.dir / "keys/ca.pem")
make("server", "server", *ca, server=True)
make("clerk", "clerk", *ca)
make("portal", "portal", *ca, usage="clientAuth")  # as most authorities issue them
make("late", "late", *ca, days="-1")
make("signer", "signer", *ca, usage="codeSigning")
make("foreign-ca", "somebody else")
make("foreign", "stranger", "foreign-ca.crt", "foreign-ca.pem")

node.settings(f"tls:\n  certificate: {work}/server.crt\n  key: {work}/server.pem\n")
node.start()
check(node.url.startswith("https://"), "the ready line says https")
code, body = curl(node)
check(code == 200 and json.loads(body)["id"] == "alpha", f"TLS answers: {code} {body}")
run("curl", "-sS", "--max-time", "10", node.url + "/v1/network", good=False)
out = run("openssl", "s_client", "-connect", node.url[8:], "-CAfile", node.dir / "keys/ca.crt",
          "-verify_return_error", "-tls1_3", stdin=b"")
check(b"Verify return code: 0 (ok)" in out and b"TLSv1.3" in out, "openssl trusts it under TLS 1.3")
run("openssl", "s_client", "-connect", node.url[8:], "-tls1_1", good=False, stdin=b"")
out = run(QIFENG, "bundle", "00" * 32, "--node", node.url, "-o", "x.qfb", good=False,
          env={"QIFENG_CACERT": str(node.dir / "keys/ca.crt")})
node.stop()

# Where reading is for members, a certificate of one is enough, and none or a foreign one is not.
(node.dir / "node.yaml").write_text("")
node.settings(f"tls:\n  certificate: {work}/server.crt\n  key: {work}/server.pem\n  clients: optional\n"
              "api:\n  read: members\n")
node.start()
code, body = curl(node, "--cert", "clerk.crt", "--key", "clerk.pem")
check(code == 200, f"a member reads: {code} {body}")
code, body = curl(node)
check(code == 401 and b"Signature-Input" in body, f"nobody does not: {code} {body}")
code, body = curl(node, "--cert", "foreign.crt", "--key", "foreign.pem")
check(code == 403, f"nor does a stranger: {code} {body}")
code, body = curl(node, "--cert", "portal.crt", "--key", "portal.pem")
check(code == 200, f"a certificate for clients alone is enough: {code} {body}")
for name, why in (("late", "expired"), ("signer", "not for TLS clients")):
    code, body = curl(node, "--cert", f"{name}.crt", "--key", f"{name}.pem")
    check(code == 403 and why in json.loads(body)["detail"], f"{name} is told why: {code} {body}")
# A command without a certificate signs what it reads.
reads = (QIFENG, "evidence", "find", "--member", "m-alpha", "--node", node.url, "--json")
trust = {"QIFENG_CACERT": str(node.dir / "keys/ca.crt")}
out = run(*reads, "--key", node.dir / "keys/admin.pem", env=trust, good=False)
check(out == b'{"items":[]}\n', f"a signed read over TLS: {out}")
out = json.loads(run(*reads, env=trust, good=False))
check(out["problem"]["type"].endswith(":unauthenticated"), f"and none that is not signed: {out}")
node.stop()

for roots in ("", f"  client_roots: {node.dir}/keys/ca.crt\n"):
    (node.dir / "node.yaml").write_text("")
    node.settings(f"tls:\n  certificate: {work}/server.crt\n  key: {work}/server.pem\n"
                  f"  clients: required\n{roots}")
    node.start()
    code, body = curl(node)
    check(code == 401 and b"urn:qifeng:problem:unauthenticated" in body,
          f"a client without certificate is refused: {code} {body}")
    code, body = curl(node, "--cert", "foreign.crt", "--key", "foreign.pem")
    check(code == 403 and b"urn:qifeng:problem:forbidden" in body,
          f"a foreign certificate is refused: {code} {body}")
    code, body = curl(node, "--cert", "clerk.crt", "--key", "clerk.pem")
    check(code == 200, f"a member's client is answered: {code} {body}")
    node.stop()

# Who stands well no longer is refused on a connection that lasts, too.
(node.dir / "node.yaml").write_text("")
node.settings(f"tls:\n  certificate: {work}/server.crt\n  key: {work}/server.pem\n  clients: optional\n"
              "api:\n  read: members\n")
node.start()
context = ssl.create_default_context(cafile=str(node.dir / "keys/ca.crt"))
context.load_cert_chain(work / "clerk.crt", work / "clerk.pem")
lasting = http.client.HTTPSConnection("127.0.0.1", int(node.url.rsplit(":", 1)[1]), timeout=15, context=context)


def ask(method, path, body=None, headers=None):
    """Status and body, on the one connection."""
    lasting.request(method, path, body, headers or {})
    answer = lasting.getresponse()
    return answer.status, answer.read()


code, body = ask("GET", "/v1/members")
check(code == 200, f"a member reads: {code} {body}")
socket_before = lasting.sock
other = "".join((work / "foreign-ca.crt").read_text().split("-----")[2].split())
ops = [{"op": "consortium.propose", "proposal": "ca",
        "action": {"do": "member.change", "member": "m-alpha", "ca": other}},
       {"op": "consortium.vote", "proposal": "ca", "choice": "yes"}]
jws = run(QIFENG, "tx", "sign", "--key", node.dir / "keys/admin.pem", "--network", "alpha", "-",
          stdin=json.dumps(ops).encode()).strip()
code, body = ask("POST", "/v1/transactions", jws, {"Content-Type": "application/jose"})
check(code == 200, f"the authority changes: {code} {body}")
time.sleep(7)
code, body = ask("GET", "/v1/members")
check(code == 403 and lasting.sock is socket_before, f"its certificate counts no longer: {code} {body}")
lasting.close()
node.stop()

# What cannot work is refused at the start, with the place.
(node.dir / "node.yaml").write_text(f"tls:\n  certificate: {work}/server.crt\n"
                                    f"  key: {work}/clerk.pem\n")
run(QIFENG, "node", node.dir, "--listen", "127.0.0.1:0", good=False)
(node.dir / "node.yaml").write_text("listen: 127.0.0.1:0\nlisten_to: all\n")
run(QIFENG, "node", node.dir, good=False)
(node.dir / "node.yaml").write_text("webhooks: [{id: a, url: 'https://h', secret: s}]\n")
run(QIFENG, "node", node.dir, "--listen", "127.0.0.1:0", good=False)
