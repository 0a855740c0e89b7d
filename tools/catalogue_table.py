#!/usr/bin/env python3
"""Writes the models of models/catalogue.ini as the C table that infer/known_model.h declares.

usage: catalogue_table.py CATALOGUE OUTPUT
"""

import configparser
import json
import re
import sys

SOURCES = {"image", "embedding_unit", "embedding_matrix", "embedding_converted", "embedding_converted_unit"}
KNOWN = set("role weights kind file files sha256 size inputs outputs layout colour mean scale out_mean out_scale side align"
            " source source_align source_side source_mean source_scale embedder converter factor resize threshold"
            " package member keep_outputs licence origin".split())


class CatalogueError(Exception):
    pass


def ports(text):
    """"target 1x3x128x128, - ?x1" -> [("target", [1, 3, 128, 128]), ("", [-1, 1])]"""
    result = []
    for part in text.split(","):
        name, shape = part.split()
        sizes = [-1 if size == "?" else int(size) for size in shape.split("x")]
        result.append(("" if name == "-" else name, sizes))
    return result


def three(text):
    """"127.5" or "1, 2, 3" -> three numbers"""
    values = [float(part) for part in text.split(",")]
    if len(values) not in (1, 3):
        raise CatalogueError(f"one number or three are wanted, not {text!r}")
    return values * 3 if len(values) == 1 else values


def side(entry, sizes, nhwc):
    if "side" in entry:
        return int(entry["side"])
    if len(sizes) != 4:
        return 0
    height, width = sizes[1:3] if nhwc else sizes[2:4]
    return height if height == width and height > 0 else 0


def number(value):
    return f"{value!r}F"


def numbers(values):
    return "{" + ", ".join(map(number, values)) + "}"


def text_or_null(entry, key):
    return json.dumps(entry[key]) if key in entry else "NULL"


def port_table(values):
    return ", ".join(
        f"{{.name = {json.dumps(name)}, .rank = {len(sizes)}, .shape = {{{', '.join(map(str, sizes))}}}}}"
        for name, sizes in values)


def row(name, entry, names):
    """The lines of the arrays that a row points to, and the row."""
    unknown = set(entry) - KNOWN
    if unknown:
        raise CatalogueError(f"[{name}] has the unknown {', '.join(sorted(unknown))}")
    for key in ("embedder", "converter"):
        if key in entry and entry[key] not in names:
            raise CatalogueError(f"[{name}] names the {key} {entry[key]!r}, which has no section")
    if entry.get("source", "image") not in SOURCES:
        raise CatalogueError(f"[{name}] has the unknown source {entry['source']!r}")
    files = entry["file" if "file" in entry else "files"].split()
    inputs, outputs = ports(entry["inputs"]), ports(entry["outputs"])
    nhwc = entry.get("layout") == "nhwc"
    label = re.sub(r"\W", "_", name)
    arrays = [
        f"static const char *const {label}_files[] = {{{', '.join(map(json.dumps, files))}, NULL}};",
        f"static const Port {label}_inputs[] = {{{port_table(inputs)}}};",
        f"static const Port {label}_outputs[] = {{{port_table(outputs)}}};",
    ]
    members = {
        "name": json.dumps(name),
        "role": f"MODEL_{entry['role'].upper()}",
        "kind": json.dumps(entry["kind"]),
        "files": f"{label}_files",
        "inputs": f"{label}_inputs",
        "outputs": f"{label}_outputs",
        "input_count": len(inputs),
        "output_count": len(outputs),
        "bgr": "true" if entry.get("colour") == "bgr" else "false",
        "nhwc": "true" if nhwc else "false",
        "size": side(entry, inputs[0][1], nhwc),
        "align": f"ALIGN_{entry.get('align', 'none').upper()}",
        "mean": numbers(three(entry.get("mean", "0"))),
        "scale": numbers(three(entry.get("scale", "0"))),
        "out_mean": numbers(three(entry.get("out_mean", "0"))),
        "out_scale": numbers(three(entry.get("out_scale", "0"))),
        "threshold": number(float(entry.get("threshold", "0"))),
        "factor": int(entry.get("factor", "0")),
        "source": f"SOURCE_{entry.get('source', 'none').upper()}",
        "embedder": text_or_null(entry, "embedder"),
        "converter": text_or_null(entry, "converter"),
        "half_weights": "true" if entry.get("weights") == "half" else "false",
        "bytes": int(entry.get("size", "0")),
        "sha256": text_or_null(entry, "sha256"),
        "package": text_or_null(entry, "package"),
        "licence": text_or_null(entry, "licence"),
        "origin": text_or_null(entry, "origin"),
    }
    if entry.get("source") == "image":
        members["source_picture"] = (
            f"{{.side = {int(entry['source_side'])}, .align = ALIGN_{entry['source_align'].upper()},"
            f" .mean = {numbers(three(entry['source_mean']))}, .scale = {numbers(three(entry['source_scale']))}}}")
    return arrays, "    {" + ", ".join(f".{key} = {value}" for key, value in members.items()) + "},"


def main(catalogue, output):
    entries = configparser.ConfigParser(interpolation=None)
    with open(catalogue, encoding="utf-8") as handle:
        entries.read_file(handle)
    arrays, rows = [], []
    for name in entries.sections():
        more, line = row(name, entries[name], entries.sections())
        arrays += more
        rows.append(line)
    lines = ["/* Made from models/catalogue.ini. */", '#include "infer/known_model.h"', "", *arrays, "",
             "const KnownModel known_models[] = {", *rows, "};", "",
             "const size_t known_model_count = sizeof known_models / sizeof known_models[0];", ""]
    with open(output, "w", encoding="utf-8") as handle:
        handle.write("\n".join(lines))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (CatalogueError, KeyError, ValueError) as error:
        sys.exit(f"catalogue_table.py: {error}")
