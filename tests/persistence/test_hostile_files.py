"""Truncated, altered and crafted model files: always ModelFormatError or a model that predicts inside its arrays, never anything else."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emotion_native as en
from emotion_native import _core
from emotion_native.exceptions import InvalidInputError, ModelFormatError
from emotion_native.persistence import model_bytes

RECIPES = ["forest", "cuts", "boosting", "logistic", "selected_forest", "selected_logistic"]


def _use(content: bytes) -> bool:
    """Load with the checksum ignored and predict; return whether the file was accepted."""
    try:
        model = _core.Model._from_bytes_unverified(content)
    except ModelFormatError:
        return False
    columns = len(json.loads(model.metadata_json)["feature_names"])
    for value in (0.0, np.nan, -3e38):
        try:
            result = model.predict_features(np.full((2, columns), value, dtype=np.float32), 3, 1)
        except InvalidInputError:
            continue
        assert np.isfinite(result["probability"]).all()
        assert (result["top_column"] < columns).all()
    return True


@pytest.mark.parametrize("name", RECIPES)
def test_flipped_bits(name: str, pipelines: dict[str, Any], rng: np.random.Generator) -> None:
    content = model_bytes(pipelines[name])
    header = 8 + int.from_bytes(content[:8], "little")
    accepted = 0
    for i in range(1500):
        changed = bytearray(content)
        # Every header byte matters; the arrays get a third of the flips.
        at = int(rng.integers(header, len(content))) if i % 3 == 0 else int(rng.integers(header))
        changed[at] ^= 1 << int(rng.integers(8))
        with pytest.raises(ModelFormatError):
            en.load_model(bytes(changed))
        accepted += _use(bytes(changed))
    assert accepted > 0  # so the checks behind the checksum, and prediction itself, were reached


def test_truncations(pipelines: dict[str, Any], rng: np.random.Generator) -> None:
    content = model_bytes(pipelines["selected_forest"])
    header = 8 + int.from_bytes(content[:8], "little")
    cuts = {*range(0, 64), *range(header - 8, header + 8), *range(len(content) - 8, len(content)), *rng.integers(len(content), size=500).tolist()}
    for cut in cuts:
        with pytest.raises(ModelFormatError):
            en.load_model(content[:cut])
        assert not _use(content[:cut])
    for extra in (b"\0", bytes(4096)):
        assert not _use(content + extra)


def test_noise(rng: np.random.Generator) -> None:
    for size in [*range(40), *rng.integers(40, 5000, size=200).tolist()]:
        noise = rng.bytes(int(size))
        assert not _use(noise)
        assert not _use(int(max(size - 8, 0)).to_bytes(8, "little") + b"{" + noise)


def _crafted(content: bytes, change: Any) -> bytes:
    """Return the file with its header, description and buffer changed by ``change(header, description, buffer)``."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    description = json.loads(header["__metadata__"]["emotion_native"])
    buffer = bytearray(content[8 + size :])
    change(header, description, buffer)
    if "__metadata__" in header and "emotion_native" in header["__metadata__"]:
        header["__metadata__"]["emotion_native"] = json.dumps(description)
    head = json.dumps(header).encode()
    return len(head).to_bytes(8, "little") + head + bytes(buffer)


def _set(header: dict[str, Any], key: str, **fields: Any) -> None:
    header[key].update(fields)


EXTRACTOR = {"sample_rate_hz": 16000, "algorithm_version": 1}

CRAFTED: dict[str, Any] = {
    "no metadata": lambda h, d, b: h.pop("__metadata__"),
    "no description": lambda h, d, b: h["__metadata__"].pop("emotion_native"),
    "no classes": lambda h, d, b: d.pop("classes"),
    "classes as an object": lambda h, d, b: d.update(classes={"a": 1}),
    "a million classes": lambda h, d, b: d.update(classes=list(range(200_000))),
    "deep description": lambda h, d, b: d.update(provenance=json.loads("[" * 200 + "]" * 200)),
    "steps as a number": lambda h, d, b: d.update(steps=1e300),
    "a step twice": lambda h, d, b: d.update(steps=d["steps"] + d["steps"]),
    "no steps": lambda h, d, b: d.update(steps=[]),
    "steps in another order": lambda h, d, b: d.update(steps=d["steps"][::-1]),
    "huge shape": lambda h, d, b: _set(h, "steps.4.feature", shape=[2**62]),
    "overflowing shape": lambda h, d, b: _set(h, "steps.4.feature", shape=[2**33, 2**33]),
    "negative shape": lambda h, d, b: _set(h, "steps.4.feature", shape=[-1]),
    "offsets past the end": lambda h, d, b: _set(h, "steps.4.feature", data_offsets=[0, 2**60]),
    "offsets before the start": lambda h, d, b: _set(h, "steps.4.feature", data_offsets=[-8, 0]),
    "offsets as text": lambda h, d, b: _set(h, "steps.4.feature", data_offsets=["0", "8"]),
    "an alias": lambda h, d, b: h.update({"steps.4.left": h["steps.4.right"]}),
    "another type": lambda h, d, b: _set(h, "steps.4.threshold", dtype="I32"),
    "an unknown type": lambda h, d, b: _set(h, "steps.4.threshold", dtype="BF16"),
    "zeroed arrays": lambda h, d, b: b.__setitem__(slice(None), bytes(len(b))),
    "arrays of ones": lambda h, d, b: b.__setitem__(slice(None), b"\xff" * len(b)),
    "a later version": lambda h, d, b: d.update(version=[2, 0]),
    "a required feature": lambda h, d, b: d.update(requires=["quantum"]),
    "a feature set without its columns": lambda h, d, b: d.update(
        extractor={"feature_set": "classic", "sample_rate_hz": 16000, "algorithm_version": 1}
    ),
    "an unknown feature set": lambda h, d, b: d.update(extractor={"feature_set": "x", "sample_rate_hz": 16000, "algorithm_version": 1}),
    "temperature of a wrong shape": lambda h, d, b: d.update(calibration={"kind": "temperature"}),
    "many keys": lambda h, d, b: d.update({f"k{i}": i for i in range(300_000)}),
    "many tensors": lambda h, d, b: h.update({f"t{i}": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for i in range(5000)}),
}


@pytest.mark.parametrize("case", sorted(CRAFTED))
def test_crafted_headers(case: str, pipelines: dict[str, Any]) -> None:
    content = model_bytes(pipelines["selected_forest"])
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    last = max(int(key.split(".")[1]) for key in header if key.startswith("steps."))

    def change(h: dict[str, Any], d: dict[str, Any], b: bytearray) -> None:
        renamed = {key.replace(f"steps.{last}.", "steps.4."): value for key, value in h.items()}
        h.clear()
        h.update(renamed)
        CRAFTED[case](h, d, b)
        restored = {key.replace("steps.4.", f"steps.{last}."): value for key, value in h.items()}
        h.clear()
        h.update(restored)

    crafted = _crafted(content, change)
    assert _use(_crafted(content, lambda h, d, b: None))  # the recipe itself is sound
    assert not _use(crafted)
    with pytest.raises(ModelFormatError):
        en.load_model(crafted)


def test_duplicate_keys_are_refused(pipelines: dict[str, Any]) -> None:
    content = model_bytes(pipelines["logistic"])
    size = int.from_bytes(content[:8], "little")
    head = content[8 : 8 + size].rstrip()
    tensor = re.search(rb'"steps\.1\.coef":\{[^}]*\}', head)
    assert tensor is not None
    doubled = head[:-1] + b"," + tensor.group() + b"}"
    with pytest.raises(ModelFormatError, match="a key occurs twice"):
        _core.Model._from_bytes_unverified(len(doubled).to_bytes(8, "little") + doubled + content[8 + size :])


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "text").write_text("hello, world")
    (tmp_path / "na\udcffme").write_bytes(b"x")
    for path, reason in [
        (tmp_path, "it is a folder"),
        (tmp_path / "pipe", "it is not a regular file"),
        (tmp_path / "absent", "No such file"),
        (tmp_path / "empty", "it has only 0 bytes"),
        (tmp_path / "text", "not the length of a header"),
        (tmp_path / "na\udcffme", r"na\\xffme cannot be loaded"),
        ("/dev/zero", "it is not a regular file"),
        ("a\0b", "zero byte"),
    ]:
        with pytest.raises(ModelFormatError, match=reason):
            en.load_model(path)
    with pytest.raises(InvalidInputError, match="path of load_model must be a path, bytes or None; got int"):
        en.load_model(3)  # type: ignore[arg-type]  # wrong on purpose
