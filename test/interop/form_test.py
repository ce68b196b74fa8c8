#!/usr/bin/env python3
"""Forms against Python's jsonschema: random schemas of the subset and random values, good and bad;
both must give the same verdict. And what is outside the subset is refused with a pointer to it.
Usage: form_test.py FORM_TOOL [SEED [ROUNDS]]"""
import datetime
import json
import random
import re
import subprocess
import sys

try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is not installed")
    sys.exit(77)

TOOL = sys.argv[1]
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 20260302
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 3000
rng = random.Random(SEED)
checker = jsonschema.FormatChecker(formats=())


@checker.checks("date")
def is_date(value):
    if not isinstance(value, str):
        return True
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value, re.A) is None or value[:4] == "0000":
        return False
    try:
        datetime.date.fromisoformat(value)
    except ValueError:
        return False
    return True


@checker.checks("time")
def is_time(value):
    return not isinstance(value, str) or re.fullmatch(
        r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
        r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])", value, re.A) is not None


@checker.checks("date-time")
def is_date_time(value):
    return not isinstance(value, str) or (
        len(value) > 11 and value[10] in "Tt" and is_date(value[:10]) and is_time(value[11:]))


@checker.checks("decimal")
def is_decimal(value):
    return not isinstance(value, str) or (
        re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", value, re.A) is not None
        and sum(c.isdigit() for c in value) <= 34)


# Python's re and ECMA 262 agree on these.
PATTERNS = ["^[A-Z]{2}[0-9]+$", "a|b", "^(ab)*$", "[^a]", "^.{2,4}$", "^[一-龥]+$", "x$", "",
            "^[0-9]{17}[0-9X]$", "(a+)b"]
TEXTS = ["", "a", "ab", "abab", "AB12", "x", "骑缝", "骑缝章𠀀", "11010519491231002X", "2026-02-29",
         "2024-02-29", "2026-13-01", "2026-1-1", "2026-03-02T09:00:00+08:00", "2026-03-02T09:00:00",
         "2026-03-02T09:00:61Z", "2026-03-02t09:00:00.123z", "09:00:00Z", "24:00:00Z", "09:00Z",
         "12.50", "-0", "01", "1.", ".5", "1e3", "9" * 34, "9" * 35, "1" * 20 + "." + "2" * 14, "b\n",
         "1997-06-30T23:59:60Z", "2026-03-02 09:00:00Z", "23:59:60Z", "+1", "9999-12-31"]
KEYS = ["a", "b", "area", "名", "x-y", "a/b", "a~b"]


def some(*makers):
    return rng.choice(makers)()


def text_schema():
    schema = {"type": "string"}
    kind = rng.randrange(5)
    if kind == 0:
        schema["minLength"] = rng.randrange(3)
        schema["maxLength"] = schema["minLength"] + rng.randrange(5)
    elif kind == 1:
        schema["pattern"] = rng.choice(PATTERNS)
    elif kind == 2:
        schema["format"] = rng.choice(["date", "date-time", "time", "decimal"])
    elif kind == 3:
        schema["enum"] = rng.sample(TEXTS, rng.randrange(1, 6))
    elif rng.random() < 0.3:
        schema["const"] = rng.choice(TEXTS)
    return schema


def integer_schema():
    schema = {"type": "integer"}
    low, high = sorted((rng.randrange(-9, 9), rng.randrange(-9, 9)))
    for name, value in (("minimum", low), ("maximum", high), ("exclusiveMinimum", low - 1),
                        ("exclusiveMaximum", high + 1), ("multipleOf", rng.randrange(1, 5)),
                        ("enum", rng.sample(range(-9, 9), 4)), ("const", low)):
        if rng.random() < 0.25:
            schema[name] = value
    return schema


def array_schema(depth):
    schema = {"type": "array", "items": any_schema(depth + 1), "maxItems": rng.randrange(1, 5)}
    if rng.random() < 0.3:
        schema["minItems"] = rng.randrange(0, schema["maxItems"] + 1)
    if rng.random() < 0.4:
        schema["uniqueItems"] = rng.random() < 0.8
    return schema


def object_schema(depth):
    keys = rng.sample(KEYS, rng.randrange(0, 5))
    schema = {"type": "object", "additionalProperties": False,
              "properties": {key: any_schema(depth + 1) for key in keys}}
    if rng.random() < 0.7:
        schema["required"] = rng.sample(keys, rng.randrange(0, len(keys) + 1))
    return schema


def any_schema(depth):
    makers = [text_schema, integer_schema, lambda: {"type": "boolean"}]
    if depth < 4:
        makers += [lambda: array_schema(depth), lambda: object_schema(depth)]
    schema = some(*makers)
    if rng.random() < 0.1:
        schema.update(rng.choice([{"title": "T"}, {"description": "D"}, {"$comment": "C"},
                                  {"x-titles": {"zh": "名", "en": "N"}}, {"examples": [1]},
                                  {"default": None}]))
    return schema


def any_value(depth=0):
    makers = [lambda: rng.choice(TEXTS), lambda: rng.randrange(-10, 11), lambda: rng.random() < 0.5,
              lambda: None]
    if depth < 4:
        makers += [lambda: [any_value(depth + 1) for _ in range(rng.randrange(4))],
                   lambda: {key: any_value(depth + 1) for key in rng.sample(KEYS, rng.randrange(4))}]
    return some(*makers)


def likely(schema, depth=0):
    """A value that mostly meets the schema."""
    if rng.random() < 0.04:
        return any_value(depth)
    if "const" in schema and rng.random() < 0.9:
        return schema["const"]
    if "enum" in schema and rng.random() < 0.9:
        return rng.choice(schema["enum"])
    kind = schema["type"]
    if kind == "string":
        return rng.choice(TEXTS)
    if kind == "integer":
        return rng.randrange(schema.get("minimum", -9) - 1, schema.get("maximum", 9) + 2)
    if kind == "boolean":
        return rng.random() < 0.5
    if kind == "array":
        low, high = schema.get("minItems", 0), schema["maxItems"]
        return [likely(schema["items"], depth + 1)
                for _ in range(max(0, rng.randrange(low, high + 1) + rng.choice([0] * 9 + [1])))]
    return {key: likely(inner, depth + 1) for key, inner in schema["properties"].items()
            if key in schema.get("required", []) and rng.random() < 0.95 or rng.random() < 0.4}


def ask(requests):
    done = subprocess.run([TOOL], input="\n".join(json.dumps(r) for r in requests) + "\n",
                          capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


requests = []
for _ in range(ROUNDS):
    schema = object_schema(0)
    requests.append({"schema": schema, "values": [likely(schema) for _ in range(8)]
                     + [any_value() for _ in range(2)]})
good = bad = 0
for request, answer in zip(requests, ask(requests), strict=True):
    jsonschema.Draft202012Validator.check_schema(request["schema"])
    if "verdicts" not in answer:
        sys.exit(f"seed {SEED}: refused: {answer}\n{json.dumps(request['schema'])}")
    validator = jsonschema.Draft202012Validator(request["schema"], format_checker=checker)
    for value, verdict in zip(request["values"], answer["verdicts"], strict=True):
        theirs = validator.is_valid(value)
        good, bad = good + theirs, bad + (not theirs)
        if theirs != (verdict is True):
            sys.exit(f"seed {SEED}: jsonschema says {theirs}, we say {verdict}\n"
                     f"{json.dumps(request['schema'])}\n{json.dumps(value)}")
if min(good, bad) < ROUNDS:
    sys.exit(f"one-sided: {good} valid, {bad} not")


def form(**properties):
    return {"type": "object", "additionalProperties": False, "properties": properties}


nested = {"type": "string"}
for _ in range(9):
    nested = {"type": "array", "maxItems": 1, "items": nested}
OUTSIDE = [
    ({"type": "array"}, ""), ([], ""), ({"type": "object", "properties": {}}, "/additionalProperties"),
    ({**form(), "patternProperties": {}}, "/patternProperties"),
    ({**form(), "$defs": {}}, "/$defs"), ({**form(), "anyOf": []}, "/anyOf"),
    ({**form(), "$schema": "http://json-schema.org/draft-07/schema#"}, "/$schema"),
    ({**form(), "required": ["a"]}, "/required/0"),
    ({**form(a={"type": "boolean"}), "required": ["a", "a"]}, "/required/1"),
    (form(a={"$ref": "#/x"}), "/properties/a/type"),
    (form(a={"type": ["string", "null"]}), "/properties/a/type"),
    (form(a={"type": "number"}), "/properties/a/type"),
    (form(a={"type": "null"}), "/properties/a/type"),
    (form(a={"type": "string", "minimum": 1}), "/properties/a/minimum"),
    (form(a={"type": "string", "minLength": -1}), "/properties/a/minLength"),
    (form(a={"type": "string", "minLength": 5, "maxLength": 4}), "/properties/a/minLength"),
    (form(a={"type": "string", "format": "email"}), "/properties/a/format"),
    (form(a={"type": "string", "pattern": "(?=a)"}), "/properties/a/pattern"),
    (form(a={"type": "string", "pattern": "("}), "/properties/a/pattern"),
    (form(a={"type": "string", "enum": []}), "/properties/a/enum"),
    (form(a={"type": "string", "enum": [1]}), "/properties/a/enum/0"),
    (form(a={"type": "array", "items": {"type": "string"}}), "/properties/a/maxItems"),
    (form(a={"type": "array", "maxItems": 1001, "items": {"type": "string"}}),
     "/properties/a/maxItems"),
    (form(a={"type": "array", "maxItems": 2}), "/properties/a/items"),
    (form(a={"type": "array", "maxItems": 2, "items": {"type": "object"}}),
     "/properties/a/items/additionalProperties"),
    (form(**{"a/b~c": {"type": "integer", "multipleOf": 0}}), "/properties/a~1b~0c/multipleOf"),
    (form(a=True), "/properties/a"), (form(a=nested), "/properties/a" + "/items" * 8),
    (form(**{f"p{i}": {"type": "string"} for i in range(65)}), "/properties"),
]
for (schema, pointer), answer in zip(OUTSIDE, ask([{"schema": s, "values": []} for s, _ in OUTSIDE]),
                                     strict=True):
    if pointer not in [problem[0] for problem in answer.get("problems", [])]:
        sys.exit(f"{json.dumps(schema)}: wanted a problem at {pointer!r}, got {answer}")

# What a person is told.
schema = form(rooms={"type": "array", "maxItems": 3, "items": form(
    area={"type": "integer", "minimum": 1})}, id={"type": "string", "pattern": "^(a+)+$"})
answer, = ask([{"schema": schema, "values": [
    {"rooms": [{"area": 1}, {"area": 0}]}, {"id": "a" * 40 + "b"}, {"rooms": []}]}])
field, detail = answer["verdicts"][0]
assert field == "rooms[1].area" and "at least 1" in detail, answer
assert "steps" in answer["verdicts"][1][1] and answer["verdicts"][2] is True, answer
print(f"{good} valid and {bad} other values judged alike; {len(OUTSIDE)} schemas refused")
