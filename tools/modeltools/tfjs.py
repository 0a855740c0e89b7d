"""Reads TensorFlow.js models: topology and weights, from model.json with shards or from nsfwjs' JavaScript modules."""

import base64
import json
from pathlib import Path

import numpy as np

from . import ModelError, jsliteral

_DTYPES = {
    "float32": np.float32,
    "float16": np.float16,
    "int32": np.int32,
    "bool": np.bool_,
    "uint8": np.uint8,
    "uint16": np.uint16,
}


class TfjsModel:
    """`topology` is Keras' layer list or TensorFlow's node list, `weights` maps names to arrays, as the model computes with
    them."""

    def __init__(self, description, shards):
        self.topology = description["modelTopology"]
        metadata = description.get("userDefinedMetadata") or {}
        self.signature = description.get("signature") or metadata.get("signature") or {}
        self.weights = {}
        for group in description["weightsManifest"]:
            blob = b"".join(shards(path) for path in group["paths"])
            used = self._read_group(group["weights"], blob)
            if used != len(blob):
                raise ModelError(f"weights take {used} bytes but the shards hold {len(blob)}")

    @property
    def is_graph(self):
        return "node" in self.topology

    def _read_group(self, entries, blob):
        offset = 0
        for entry in entries:
            quantised = entry.get("quantization")
            stored = _DTYPES[quantised["dtype"] if quantised else entry["dtype"]]
            count = int(np.prod(entry["shape"], dtype=np.int64))
            size = count * np.dtype(stored).itemsize
            if offset + size > len(blob):
                raise ModelError(f"weight {entry['name']} reaches beyond the shards")
            raw = np.frombuffer(blob, stored, count, offset).reshape(entry["shape"])
            offset += size
            self.weights[entry["name"]] = _weight(raw, entry["dtype"], quantised)
        return offset


def _weight(raw, dtype, quantised):
    wanted = _DTYPES[dtype]
    if not quantised:
        return raw
    if quantised["dtype"] == "float16":
        return raw.astype(wanted)
    minimum, scale = quantised["min"], quantised["scale"]
    values = raw.astype(np.float32) * np.float32(scale) + np.float32(minimum)
    return values.astype(wanted)


def load(path):
    """A model from model.json (shards beside it), or from nsfwjs' model.min.js (shards are base64 modules)."""
    path = Path(path)
    if path.suffix == ".js":
        return TfjsModel(
            jsliteral.read_export(path.read_text(encoding="utf-8")),
            lambda name: base64.b64decode(
                jsliteral.read_export((path.parent / (name + ".min.js")).read_text(encoding="utf-8"))
            ),
        )
    return TfjsModel(
        json.loads(path.read_text(encoding="utf-8")),
        lambda name: (path.parent / name).read_bytes(),
    )
