#!/usr/bin/python3
"""Prepares the models that runbatch uses; scripts/setup.sh calls it.

  models.py build --catalogue FILE --packages DIR --out DIR [NAME...]   make the catalogue's models from unpacked packages
  models.py convert MODEL OUT.onnx [--outputs A,B]      TensorFlow.js (model.json, nsfwjs' .js) to ONNX
  models.py clean IN.onnx OUT.onnx                                      speed up a foreign ONNX file, same results
  models.py show FILE.onnx...                                           inputs, outputs, size and SHA-256
"""

import argparse
import configparser
import hashlib
import os
import sys
from pathlib import Path

import onnx

from modeltools import ModelError, graph_model, layers_model, tfjs
from modeltools.clean import clean


def write_model(model, path):
    """Writes under a temporary name and renames, so that a model file is whole or absent."""
    path = Path(path)
    data = model.SerializeToString(deterministic=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return hashlib.sha256(data).hexdigest(), len(data)


def convert(source, name, outputs=None):
    model = tfjs.load(source)
    if model.is_graph:
        return graph_model.convert(model, name, outputs)
    if outputs:
        raise ModelError("outputs can be chosen in graph-models only")
    return layers_model.convert(model, name)


def build_one(name, entry, packages, out):
    source = packages / entry["package"].split()[0].replace("/", "__") / entry["member"].split()[0]
    if not source.is_file():
        raise ModelError(f"{source} is missing")
    if source.suffix == ".onnx":
        model = onnx.load(str(source))
    else:
        outputs = [part.strip() for part in entry.get("keep_outputs", "").split(",") if part.strip()]
        model = convert(source, name, outputs)
    report = clean(model)
    target = out / entry["file"]
    digest, size = write_model(model, target)
    print(f"  {entry['file']}: {size} bytes, {report}")
    if digest != entry["sha256"]:
        target.unlink()
        raise ModelError(f"{entry['file']} came out with SHA-256 {digest}, expected {entry['sha256']}")


def build(options):
    catalogue = configparser.ConfigParser(interpolation=None)
    with open(options.catalogue, encoding="utf-8") as file:
        catalogue.read_file(file)
    options.out.mkdir(parents=True, exist_ok=True)
    failed = False
    for name in options.names or [name for name in catalogue.sections() if "package" in catalogue[name]]:
        try:
            build_one(name, catalogue[name], options.packages, options.out)
        except (ModelError, KeyError, OSError) as error:
            print(f"models.py: {name}: {error}", file=sys.stderr)
            failed = True
    return 1 if failed else 0


def show(options):
    for path in options.files:
        model = onnx.load(str(path))
        initialised = {tensor.name for tensor in model.graph.initializer}
        data = path.read_bytes()
        print(f"{path}\n  {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}")
        for word, values in (("input", model.graph.input), ("output", model.graph.output)):
            for value in values:
                if value.name not in initialised:
                    shape = [dim.dim_value or dim.dim_param or "?" for dim in value.type.tensor_type.shape.dim]
                    print(f"  {word} {value.name} {shape}")
    return 0


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("build")
    command.add_argument("--catalogue", type=Path, required=True)
    command.add_argument("--packages", type=Path, required=True)
    command.add_argument("--out", type=Path, required=True)
    command.add_argument("names", nargs="*")
    command = commands.add_parser("convert")
    command.add_argument("model", type=Path)
    command.add_argument("out", type=Path)
    command.add_argument("--outputs", default="")
    command = commands.add_parser("clean")
    command.add_argument("model", type=Path)
    command.add_argument("out", type=Path)
    command = commands.add_parser("show")
    command.add_argument("files", type=Path, nargs="+")
    return parser.parse_args()


def main():
    options = parse_arguments()
    try:
        if options.command == "build":
            return build(options)
        if options.command == "show":
            return show(options)
        if options.command == "convert":
            outputs = [part for part in options.outputs.split(",") if part]
            model = convert(options.model, options.out.stem, outputs)
        else:
            model = onnx.load(str(options.model))
        report = clean(model)
        digest, size = write_model(model, options.out)
        print(f"{options.out}: {size} bytes, sha256 {digest}, {report}")
        return 0
    except (ModelError, OSError) as error:
        print(f"models.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
