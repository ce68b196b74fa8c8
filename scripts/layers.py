#!/usr/bin/env python3
"""Checks the include rule of docs/ARCHITECTURE.md: a layer includes only itself and layers above it,
and the deterministic layers name nothing of the machine."""
import pathlib
import re
import sys

ORDER = ["base", "codec", "crypto", "merkle", "timestamp", "store", "feel", "dmn", "bpmn", "kernel",
         "service", "engine", "credential", "exchange", "api", "node", "cli"]
PURE = {"codec", "merkle", "feel", "dmn", "bpmn", "kernel"}
FORBIDDEN = re.compile(r'#include <(time|pthread|unistd|fcntl|locale|sys/[a-z]+|stdio_ext)\.h>'
                       r'|\b(float|double|rand|random|time|clock_gettime|setlocale|fopen)\b(?= *[(a-z])')
errors = []
root = pathlib.Path(__file__).resolve().parent.parent / "src"
for path in sorted(root.rglob("*.[ch]")):
    layer = path.relative_to(root).parts[0]
    text = path.read_text(encoding="utf-8")
    code = re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\])*"', lambda m: m.group(0) if m.group(0)[0] == '"' else
                  "\n" * m.group(0).count("\n"), text, flags=re.S)
    is_test = path.stem.endswith(("_test", "_testing", "_fuzz"))
    for number, line in enumerate(code.splitlines(), 1):
        match = re.match(r'\s*#include "([^"/]+)/', line)
        if match and match.group(1) in ORDER and not is_test:
            if ORDER.index(match.group(1)) > ORDER.index(layer):
                errors.append(f"{path.relative_to(root.parent)}:{number}: {layer} includes "
                              f"{match.group(1)}, a layer below it")
        bare = re.sub(r'"(?:\\.|[^"\\])*"', '""', line)
        if layer in PURE and not is_test and FORBIDDEN.search(bare):
            errors.append(f"{path.relative_to(root.parent)}:{number}: not allowed in {layer}: "
                          f"{line.strip()}")
print("\n".join(errors))
sys.exit(1 if errors else 0)
