"""Runs the crypto tool (argument 1) and other programs in a folder of their own, counting what was
checked; the count is the last line of the output."""
import atexit
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

TOOL = os.path.abspath(sys.argv[1])
work = pathlib.Path(tempfile.mkdtemp(prefix="qf-interop-"))
checks = 0


@atexit.register
def _end():
    shutil.rmtree(work)
    print(f"{checks} checks")


def skip_without(*programs):
    for program in programs:
        if shutil.which(program) is None:
            skip(f"{program} is not installed")


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def run(*args, env=None):
    return subprocess.run([str(a) for a in args], cwd=work, capture_output=True,
                          env={**os.environ, **(env or {})}, check=False)


def expect(good, *args, env=None, says=None):
    """Runs; the exit status must be 0 (good) or not, and the output must contain `says`."""
    global checks
    done = run(*args, env=env)
    text = (done.stdout + done.stderr).decode(errors="replace")
    if (done.returncode == 0) != good or (says is not None and says not in text):
        sys.exit(f"{'should succeed' if good else 'should be refused'}: "
                 f"{' '.join(str(a) for a in args)}\nexit {done.returncode}\n{text}")
    checks += 1
    return done.stdout.decode(errors="replace")


def tool(good, *args, env=None, says=None):
    return expect(good, TOOL, *args, env=env, says=says)


def openssl(good, *args, says=None):
    return expect(good, "openssl", *args, says=says)
