"""Reads a JavaScript object literal as minifiers write it, without running any JavaScript.

nsfwjs ships its models as minified modules: `...module.exports={modelTopology:{...,trainable:!1,min:-.5}}...`. That is
JSON but for bare keys, `!0`/`!1` for booleans and numbers without a leading zero.
"""

import json
import re

from . import ModelError

_SPACE = re.compile(r"\s*")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_WORDS = {"!0": True, "!1": False, "true": True, "false": False, "null": None}
_EXPORT = re.compile(r"\b\w+\.exports=(?=[{\"])")


def read_export(text):
    """Value of the `X.exports=` in a module that exports one literal."""
    found = _EXPORT.search(text)
    if not found:
        raise ModelError("no exported object or string literal found")
    return parse(text, found.end())[0]


def parse(text, at=0):
    """The value that starts at text[at], and the position behind it."""
    at = _SPACE.match(text, at).end()
    char = text[at : at + 1]
    if char == "{":
        return _parse_items(text, at + 1, "}", _parse_member, dict)
    if char == "[":
        return _parse_items(text, at + 1, "]", parse, list)
    if char == '"':
        return _parse_string(text, at)
    for word, value in _WORDS.items():
        if text.startswith(word, at):
            return value, at + len(word)
    number = _NUMBER.match(text, at)
    if not number:
        raise ModelError(f"not a literal at offset {at}: {text[at:at + 20]!r}")
    digits = number.group()
    return (int(digits) if digits.lstrip("+-").isdigit() else float(digits)), number.end()


def _parse_items(text, at, closing, parse_one, build):
    items = []
    while True:
        at = _SPACE.match(text, at).end()
        if text[at : at + 1] == closing:
            return build(items), at + 1
        item, at = parse_one(text, at)
        items.append(item)
        at = _SPACE.match(text, at).end()
        if text[at : at + 1] == ",":
            at += 1
        elif text[at : at + 1] != closing:
            raise ModelError(f"expected ',' or '{closing}' at offset {at}")


def _parse_member(text, at):
    if text[at] == '"':
        key, at = _parse_string(text, at)
    else:
        name = _IDENTIFIER.match(text, at) or _NUMBER.match(text, at)
        if not name:
            raise ModelError(f"not a key at offset {at}: {text[at:at + 20]!r}")
        key, at = name.group(), name.end()
    at = _SPACE.match(text, at).end()
    if text[at : at + 1] != ":":
        raise ModelError(f"expected ':' at offset {at}")
    value, at = parse(text, at + 1)
    return (key, value), at


def _parse_string(text, at):
    found = _STRING.match(text, at)
    if not found:
        raise ModelError(f"string without an end at offset {at}")
    return json.loads(found.group()), found.end()
