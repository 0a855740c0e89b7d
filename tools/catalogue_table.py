#!/usr/bin/env python3
"""Writes the models of models/catalogue.ini as the C table that infer/catalogue.h declares.

usage: catalogue_table.py CATALOGUE OUTPUT
"""

import configparser
import json
import sys

FIELDS = ("role", "file", "sha256", "package", "licence")


def main(catalogue, output):
    entries = configparser.ConfigParser(interpolation=None)
    with open(catalogue, encoding="utf-8") as handle:
        entries.read_file(handle)
    lines = ["/* Made from models/catalogue.ini. */", '#include "infer/catalogue.h"', "",
             "const CatalogueModel catalogue_models[] = {"]
    for name in entries.sections():
        members = [f".name = {json.dumps(name)}", f".bytes = {entries.getint(name, 'size')}"]
        members += [f".{field} = {json.dumps(entries.get(name, field))}" for field in FIELDS]
        lines.append(f"    {{{', '.join(members)}}},")
    lines += ["};", "", f"const size_t catalogue_model_count = {len(entries.sections())};", ""]
    with open(output, "w", encoding="utf-8") as handle:
        handle.write("\n".join(lines))


if __name__ == "__main__":
    main(*sys.argv[1:])
