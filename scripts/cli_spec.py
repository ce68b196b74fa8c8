#!/usr/bin/env python3
"""Writes the sections of spec/cli.md on each command from the program's own --help.

usage: cli_spec.py PROGRAM [--check]     --check: say whether the page is up to date
"""
import pathlib
import re
import subprocess
import sys

PAGE = pathlib.Path(__file__).resolve().parent.parent / "spec/cli.md"
FIRST = "## qifeng "


def ask(*args):
    return subprocess.run([sys.argv[1], *args, "--help"], capture_output=True, text=True,
                          check=True).stdout


def section(name):
    text = ask(name)
    usage, body = text.split("\n\n", 1)
    about = re.split(r"\n\n?(?:options|examples):\n", body)[0].strip()
    out = [f"## qifeng {name}", "", "    " + usage.removeprefix("usage: "), "", about, ""]
    options = re.search(r"options:\n(.*?)(?:\n\n?examples:|\Z)", text, re.S)
    if options:
        out += ["| option | meaning |", "|---|---|"]
        for line in options.group(1).splitlines():
            match = re.match(r"  (--\S+) (\S*) +(.*)$", line)
            if match:
                option, value, meaning = (part.replace("|", "\\|") for part in match.groups())
                out.append(f"| `{(option + ' ' + value).strip()}` | {meaning} |")
        out.append("")
    return out


def main():
    names = re.findall(r"^  ([a-z]+) +\S.*$", ask(), re.M)
    page = PAGE.read_text(encoding="utf-8")
    lines = [line for name in names for line in section(name)]
    wanted = page.split(FIRST)[0] + "\n".join(lines)
    if "--check" in sys.argv[2:]:
        if wanted != page:
            sys.exit("spec/cli.md differs from the program; run scripts/cli_spec.py build/qifeng")
        return
    PAGE.write_text(wanted, encoding="utf-8")


main()
