"""A clock that tests move, for programs started from here; sys.argv[2] is the library that they preload."""
import os
import pathlib
import sys

from node import work

DAY = 86400
FILE = work / "clock"


def move(seconds):
    """So many seconds ahead of the machine's clock."""
    new = FILE.with_suffix(".new")
    new.write_text(str(seconds), encoding="ascii")
    new.rename(FILE)


move(0)
os.environ["CLOCK_OFFSET_FILE"] = str(FILE)
os.environ["LD_PRELOAD"] = str(pathlib.Path(sys.argv[2]).resolve())
