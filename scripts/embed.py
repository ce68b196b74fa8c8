#!/usr/bin/env python3
"""A JSON file as a C array, ASCII without white space and ended by a zero: embed.py IN.json OUT.c SYMBOL."""
import json
import sys

source, target, symbol = sys.argv[1:]
with open(source, encoding="utf-8") as file:
    text = json.dumps(json.load(file), separators=(",", ":"), sort_keys=True)
numbers = [str(byte) for byte in text.encode() + b"\0"]
with open(target, "w", encoding="utf-8") as file:
    lines = "\n".join("    " + ", ".join(numbers[at:at + 20]) + ","
                      for at in range(0, len(numbers), 20))
    file.write(f"/* Made of {source.rsplit('/', 1)[-1]}. */\n"
               f"extern const char {symbol}[];\nconst char {symbol}[] = {{\n{lines}\n}};\n")
