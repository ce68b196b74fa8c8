#!/usr/bin/env python3
"""What others have written does not command the terminal that it is shown on."""
import os
import pty
import subprocess
import sys
import tempfile

QIFENG = sys.argv[1]
MODEL = """<definitions xmlns='https://www.omg.org/spec/DMN/20230324/MODEL/' id='r' name='r' namespace='t'>
<decision id='d' name='D'><variable name='D'/><literalExpression id='x'><text>%s</text></literalExpression>
</decision></definitions>"""
HOSTILE = '"a\\u001B[2J\\u0007b\\u009B31m\\u202Ec\\u007F\\u4E2D\\U01F600"'
REPLACED = "a\ufffd[2J\ufffdb\ufffd31m\ufffdc\ufffd\u4e2d\U0001f600"


def check(good, what):
    """Ends the test when something is not as it should be."""
    if not good:
        sys.exit(f"failed: {what}")


def on_terminal(*args):
    """Output of the program when it is a terminal."""
    ours, its = pty.openpty()
    with subprocess.Popen([QIFENG, *args], stdout=its, stderr=subprocess.PIPE) as process:
        os.close(its)
        out = b""
        try:
            while more := os.read(ours, 65536):
                out += more
        except OSError:  # the other side is closed
            pass
        os.close(ours)
        check(process.wait(timeout=30) == 0, process.stderr.read())
    return out.decode()


with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "m.dmn")
    with open(path, "w", encoding="utf-8") as file:
        file.write(MODEL % HOSTILE)
    shown = on_terminal("rules", "eval", path, "--decision", "D")
    check(REPLACED in shown, f"{shown!r}")
    check(not any(ord(c) < 32 and c not in "\r\n\t" for c in shown), f"{shown!r}")
    # A pipe gets every byte.
    plain = subprocess.run([QIFENG, "rules", "eval", path, "--decision", "D"], capture_output=True, check=True).stdout
    check("\x1b[2J\x07b\x9b31m\u202ec\x7f".encode() in plain, f"{plain!r}")
    # Many characters of several bytes, over the ends of buffers.
    with open(path, "w", encoding="utf-8") as file:
        file.write(MODEL % ('string join(for i in 1..3000 return "\u4e2d", "")'))
    shown = on_terminal("rules", "eval", path, "--decision", "D")
    check("\u4e2d" * 3000 in shown and "\ufffd" not in shown, "parted characters")
    check("usage: qifeng" in on_terminal("--help"), "help")
