#!/usr/bin/env python3
"""A time-stamp authority whose key lives in a PKCS#11 token (SoftHSM2); the openssl program checks
what it signs. Usage: token_test.py CRYPTO_TOOL"""
import os
import pathlib

from harness import TOOL, expect, openssl, skip, skip_without, tool, work

skip_without("openssl", "softhsm2-util")
MODULE = os.environ.get("SOFTHSM2_MODULE", "/usr/lib/softhsm/libsofthsm2.so")
if not pathlib.Path(MODULE).exists():
    skip("SoftHSM2's module is not where it is looked for; SOFTHSM2_MODULE names it")
os.environ["SOFTHSM2_CONF"] = str(work / "conf")
pin = {"TOOL_PASSPHRASE": "4321"}
key = f"pkcs11:token=qifeng;object=seal?module-path={MODULE}"

(work / "conf").write_text(f"directories.tokendir = {work}\nlog.level = ERROR\n")
(work / "message").write_text("骑缝\n")
(work / "tampered").write_text("骑 缝\n")
expect(True, "softhsm2-util", "--init-token", "--free", "--label", "qifeng", "--so-pin", "9876",
       "--pin", "4321")
tool(True, "keygen", "ES256", "seal.pem")
expect(True, "softhsm2-util", "--import", "seal.pem", "--token", "qifeng", "--label", "seal", "--id",
       "01", "--pin", "4321")
if "engine is missing" in expect(True, "sh", "-c", f"'{TOOL}' public "
                                 f"'{key}' 2>&1 || true", env=pin):
    skip("libengine-pkcs11-openssl is not installed")

# One key, whether it is in the token or in the file.
in_token = tool(True, "public", key, env=pin)
if in_token != tool(True, "public", "seal.pem"):
    raise SystemExit("the key in the token is not the one that was imported")
tool(False, "public", key, env={"TOOL_PASSPHRASE": "0000"}, says="refuses the PIN")
openssl(True, "pkey", "-in", "seal.pem", "-pubout", "-out", "seal.pub")
tool(True, "sign", key, "message", "signature", env=pin)
openssl(True, "dgst", "-sha256", "-verify", "seal.pub", "-signature", "signature.der", "message")
openssl(False, "dgst", "-sha256", "-verify", "seal.pub", "-signature", "signature.der", "tampered")

# It is a CA, and then a time-stamp authority below another.
tool(True, "certify", "-", key, key, "ca", "in the token", "token-ca.pem", env=pin)
openssl(True, "verify", "-check_ss_sig", "-CAfile", "token-ca.pem", "token-ca.pem")
tool(True, "keygen", "ES256", "ca.key")
tool(True, "certify", "-", "ca.key", "ca.key", "ca", "root", "ca.pem")
tool(True, "certify", "ca.pem", "ca.key", "seal.pem", "timestamp", "tsa", "tsa.pem")
openssl(True, "ts", "-query", "-data", "message", "-sha256", "-cert", "-out", "query")
tool(True, "stamp", key, "tsa.pem", "ca.pem", "query", "reply", env=pin)
openssl(True, "ts", "-verify", "-queryfile", "query", "-in", "reply", "-CAfile", "ca.pem")
openssl(False, "ts", "-verify", "-data", "tampered", "-in", "reply", "-CAfile", "ca.pem",
        says="message imprint mismatch")
tool(True, "stamp-verify", "ca.pem", "reply")
