#!/usr/bin/env python3
"""The openssl program as the other side: it reads our key files, checks our signatures, certificates
and time-stamps, refuses what was tampered with; and we do the same with what it makes.
Usage: openssl_test.py CRYPTO_TOOL"""
import json

from harness import openssl, run, skip_without, tool, work

DISTID = "distid:1234567812345678"
ALGS = {"ES256": "p256", "EdDSA": "ed25519", "SM2-SM3": "sm2"}
GENPKEY = {"ES256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
           "EdDSA": ["-algorithm", "ED25519"], "SM2-SM3": ["-algorithm", "SM2"]}


def verify_args(alg, public, signature, message):
    if alg == "ES256":
        return ["dgst", "-sha256", "-verify", public, "-signature", signature, message]
    args = ["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", public, "-sigfile", signature,
            "-in", message]
    return args + (["-digest", "sm3", "-pkeyopt", DISTID] if alg == "SM2-SM3" else [])


def sign_args(alg, key, signature, message):
    if alg == "ES256":
        return ["dgst", "-sha256", "-sign", key, "-out", signature, message]
    args = ["pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", message, "-out", signature]
    return args + (["-digest", "sm3", "-pkeyopt", DISTID] if alg == "SM2-SM3" else [])


def keys_and_signatures(alg, name):
    sealed = {"TOOL_PASSPHRASE": "correct horse"}
    tool(True, "keygen", alg, f"{name}.key")
    tool(True, "keygen", alg, f"{name}.sealed.key", env=sealed)
    openssl(True, "pkey", "-in", f"{name}.key", "-pubout", "-out", f"{name}.pub")
    openssl(True, "pkey", "-in", f"{name}.sealed.key", "-passin", "pass:correct horse", "-noout")
    openssl(False, "pkey", "-in", f"{name}.sealed.key", "-passin", "pass:wrong", "-noout")

    tool(True, "sign", f"{name}.key", "message", f"{name}.sig")
    openssl(True, *verify_args(alg, f"{name}.pub", f"{name}.sig.der", "message"))
    openssl(False, *verify_args(alg, f"{name}.pub", f"{name}.sig.der", "tampered"))

    # and what openssl made
    openssl(True, "genpkey", *GENPKEY[alg], "-out", f"{name}.theirs")
    openssl(True, "genpkey", *GENPKEY[alg], "-aes256", "-pass", "pass:correct horse",
            "-out", f"{name}.theirs.sealed")
    tool(True, "public", f"{name}.theirs.sealed", env=sealed)
    shown = json.loads(tool(True, "public", f"{name}.theirs"))
    assert shown["alg"] == alg
    (work / f"{name}.jwk").write_text(json.dumps(shown["jwk"]))
    openssl(True, *sign_args(alg, f"{name}.theirs", f"{name}.theirs.sig", "message"))
    tool(True, "verify", f"{name}.jwk", "message", f"{name}.theirs.sig")
    tool(False, "verify", f"{name}.jwk", "tampered", f"{name}.theirs.sig")


def certificates(alg, name):
    distid = ["-vfyopt", DISTID] if alg == "SM2-SM3" else []
    tool(True, "keygen", alg, f"{name}.ca.key")
    tool(True, "certify", "-", f"{name}.ca.key", f"{name}.ca.key", "ca", "root", f"{name}.ca.pem")
    tool(True, "certify", f"{name}.ca.pem", f"{name}.ca.key", f"{name}.key", "signing", "actor",
         f"{name}.pem")
    # The program takes SM2's id for the leaf only, not for the root's signature of itself.
    whole = [] if distid else ["-check_ss_sig"]
    openssl(True, "verify", *distid, *whole, "-x509_strict", "-CAfile", f"{name}.ca.pem",
            f"{name}.pem")
    tool(True, "cert-verify", f"{name}.ca.pem", f"{name}.pem", says="CN=actor,O=骑缝,C=CN")

    der = run("openssl", "x509", "-in", f"{name}.pem", "-outform", "DER").stdout
    assert der.count(b"actor") == 1
    (work / f"{name}.bad.der").write_bytes(der.replace(b"actor", b"Actor"))
    openssl(False, "verify", *distid, "-CAfile", f"{name}.ca.pem", f"{name}.bad.der",
            says="signature failure")
    tool(False, "cert-verify", f"{name}.ca.pem", f"{name}.bad.der", says="bad signature")

    # a root and a certificate of openssl's
    sign_options = ["-sm3", "-sigopt", DISTID] if alg == "SM2-SM3" else []
    openssl(True, "req", "-x509", "-new", "-key", f"{name}.theirs", *sign_options, "-subj",
            "/CN=their root", "-days", "30", "-out", f"{name}.their-ca.pem")
    openssl(True, "req", "-new", "-key", f"{name}.key", *sign_options, "-subj", "/CN=their leaf",
            "-out", f"{name}.csr")
    vfy = ["-vfyopt", DISTID] if alg == "SM2-SM3" else []
    openssl(True, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{name}.their-ca.pem", "-CAkey",
            f"{name}.theirs", "-days", "30", "-set_serial", "77", *sign_options, *vfy,
            "-out", f"{name}.their-leaf.pem")
    tool(True, "cert-verify", f"{name}.their-ca.pem", f"{name}.their-leaf.pem", says="CN=their leaf")
    tool(False, "cert-verify", f"{name}.ca.pem", f"{name}.their-leaf.pem", says="unknown issuer")


def time_stamps():
    tool(True, "keygen", "ES256", "tsa.key")
    tool(True, "certify", "p256.ca.pem", "p256.ca.key", "tsa.key", "timestamp", "tsa", "tsa.pem")
    for digest in ("sha256", "sm3"):
        openssl(True, "ts", "-query", "-data", "message", f"-{digest}", "-cert", "-out", "query")
        tool(True, "stamp", "tsa.key", "tsa.pem", "p256.ca.pem", "query", "reply")
        openssl(True, "ts", "-verify", "-queryfile", "query", "-in", "reply", "-CAfile",
                "p256.ca.pem", says="Verification: OK")
        openssl(True, "ts", "-verify", "-data", "message", "-in", "reply", "-CAfile",
                "p256.ca.pem")
        openssl(False, "ts", "-verify", "-data", "tampered", "-in", "reply", "-CAfile",
                "p256.ca.pem", says="message imprint mismatch")
        reply = (work / "reply").read_bytes()
        at = reply.index(b"Z", reply.index(b"20")) - 5  # a digit of genTime
        (work / "bad").write_bytes(reply[:at] + bytes([reply[at] ^ 1]) + reply[at + 1:])
        openssl(False, "ts", "-verify", "-data", "message", "-in", "bad", "-CAfile", "p256.ca.pem")
        tool(False, "stamp-verify", "p256.ca.pem", "bad", says="does not hold")
        said = tool(True, "stamp-verify", "p256.ca.pem", "reply").split()
        imprint = run("openssl", "dgst", f"-{digest}", "-r", "message").stdout.split()[0].decode()
        assert said[1:] == [{"sha256": "sha-256"}.get(digest, digest), imprint], said
        assert said[0].endswith("789"), said

    openssl(True, "ts", "-query", "-data", "message", "-sha1", "-out", "query")
    tool(False, "stamp", "tsa.key", "tsa.pem", "p256.ca.pem", "query", "reply",
         says="unsupported-algorithm")
    openssl(True, "ts", "-reply", "-in", "reply", "-text", says="unrecognized or unsupported algorithm")
    their_time_stamps()


def their_time_stamps():
    (work / "ts.cnf").write_text("""
[tsa]
default_tsa = a
[a]
serial = ./serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1, millisecs:500, microsecs:100
ess_cert_id_chain = yes
ess_cert_id_alg = sha256
""")
    openssl(True, "ts", "-query", "-data", "message", "-sha256", "-cert", "-out", "query")
    openssl(True, "ts", "-reply", "-config", "ts.cnf", "-queryfile", "query", "-signer", "tsa.pem",
            "-inkey", "tsa.key", "-chain", "p256.ca.pem", "-out", "theirs")
    tool(True, "stamp-verify", "p256.ca.pem", "theirs", says="sha-256")
    tool(False, "stamp-verify", "ed25519.ca.pem", "theirs")


skip_without("openssl")
(work / "message").write_text("骑缝\n" * 100)
(work / "tampered").write_text("骑缝\n" * 99 + "奇缝\n")
for algorithm, short in ALGS.items():
    keys_and_signatures(algorithm, short)
    certificates(algorithm, short)
time_stamps()
