"""Truncated, altered and crafted model files: always ModelFormatError or a model that predicts inside its arrays, never anything else."""

from __future__ import annotations

import hashlib
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


EXTRACTOR = {"sample_rate_hz": 16000, "algorithm_version": 2}

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
        extractor={"feature_set": "classic", "sample_rate_hz": 16000, "algorithm_version": 2}
    ),
    "an unknown feature set": lambda h, d, b: d.update(extractor={"feature_set": "x", "sample_rate_hz": 16000, "algorithm_version": 2}),
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


GOLDEN = sorted((Path(__file__).parent.parent / "golden" / "models").glob("*/*.emotion"))


def _signed(content: bytes) -> bytes:
    """Return the file with the checksum of its present content, as somebody who tampers with it would write it; unchanged where there is none."""
    head = content[8 : 8 + int.from_bytes(content[:8], "little")]
    stated = re.search(rb'sha256\\?":\s*\\?"([0-9a-f]{64})', head)
    if stated is None:
        return content
    blank = content.replace(stated[1], b"0" * 64)
    return blank.replace(b"0" * 64, hashlib.sha256(blank).hexdigest().encode(), 1)


def _predicts_or_raises(content: bytes) -> str:
    """Load and use a file as users do: every number that comes out is a probability, every refusal a clear error."""
    try:
        model = en.load_model(content)
    except ModelFormatError as error:
        assert str(error).startswith("model bytes cannot be loaded as a model: ") or str(error).startswith("the model cannot be used: ")
        return "refused"
    for value in (0.0, 1.5, np.nan, -3e38):
        rows = np.full((2, len(model.feature_names)), value, dtype=np.float32)
        try:
            result = model.predict_features(rows)
            if model.metadata.get("prediction_sets"):
                assert model.predict_set(rows).shape == (2, len(model.classes))
        except InvalidInputError:
            continue
        assert ((result.probabilities >= 0) & (result.probabilities <= 1 + 1e-9)).all()
        if result.indicators is not None:
            assert result.indicators.shape == result.probabilities.shape and np.isin(result.indicators, (0, 1)).all()
            continue
        total = result.probabilities.sum(axis=1)
        unclaimed = (total == 0) & (model.metadata["steps"][-1]["kind"] == "one_vs_rest_members")  # each class's own classifier says 0
        np.testing.assert_allclose(total[~unclaimed], 1, atol=1e-6)
    return "accepted"


def _swapped(content: bytes, rng: np.random.Generator) -> bytes:
    """Exchange the places of two arrays, or two values of the description."""

    def change(h: dict[str, Any], d: dict[str, Any], b: bytearray) -> None:
        if rng.random() < 0.6:
            names = [name for name in h if name != "__metadata__"]
            one, other = rng.choice(names, size=2)
            h[one], h[other] = h[other], h[one]
            return
        places = list(_places(d))
        (first, one_key), (second, other_key) = (places[int(rng.integers(len(places)))] for _ in range(2))
        first[one_key], second[other_key] = second[other_key], first[one_key]

    try:
        return _crafted(content, change)
    except ValueError:  # an object was put inside itself
        return content[: len(content) // 2]


def _places(value: Any) -> Any:
    """Yield every (container, key) of a JSON value."""
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from _places(value[key])


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_tampered_files_with_a_repaired_checksum(path: Path, rng: np.random.Generator) -> None:
    """300 files a kind, some 9,000 in all: flipped bits, cuts, exchanged sections, random numbers; each passes the checksum."""
    content = path.read_bytes()
    header = 8 + int.from_bytes(content[:8], "little")
    assert _predicts_or_raises(_signed(content)) == "accepted" and _signed(content) == content
    seen = []
    for i in range(300):
        changed = bytearray(content)
        if i % 4 == 0:
            changed = bytearray(_swapped(content, rng))
        elif i % 4 == 1:
            at = int(rng.integers(header, len(content) - 8))
            changed[at : at + 8] = rng.choice([rng.bytes(8), np.float64(rng.choice([np.nan, np.inf, -1.0, 1e300, 0.0])).tobytes(), b"\xff" * 8])
        elif i % 16 == 2:
            changed = changed[: int(rng.integers(len(content)))]
        else:
            for _ in range(int(rng.integers(1, 4))):
                changed[int(rng.integers(len(changed)))] ^= 1 << int(rng.integers(8))
        seen.append(_predicts_or_raises(_signed(bytes(changed))))
    assert {"accepted", "refused"} <= set(seen)


def test_recursive_and_huge_descriptions_are_refused_without_the_memory_they_claim(pipelines: dict[str, Any]) -> None:
    import tracemalloc

    vote = {"kind": "voting_classifier", "voting": "soft", "members": []}
    deep: dict[str, Any] = {"steps": [vote], "calibration": None}
    inner = deep
    for _ in range(40):
        member = {"steps": [{**vote, "members": []}], "calibration": None}
        inner["steps"][0]["members"] = [member]
        inner = member
    labels, stack = {"kind": "one_vs_rest_members", "rule": "margin"}, {"kind": "stacking_classifier", "passthrough": True}
    content = model_bytes(pipelines["logistic"])
    crafted = [
        _crafted(content, lambda h, d, b: d.update(deep)),
        _crafted(content, lambda h, d, b: d.update(steps=[{**vote, "members": [{}] * 65}])),
        _crafted(content, lambda h, d, b: d.update(steps=[{**vote, "members": [1, 2]}])),
        _crafted(content, lambda h, d, b: d.update(steps=[{**vote, "voting": "loud", "members": [{}]}])),
        _crafted(content, lambda h, d, b: d.update(steps=[vote])),
        _crafted(content, lambda h, d, b: d.update(out_of_distribution={"threshold": 1.0, "steps": 2**60})),
        _crafted(content, lambda h, d, b: d.update(label_sets={"rule": "margin"})),
        _crafted(content, lambda h, d, b: d.update(label_sets=[])),
        _crafted(content, lambda h, d, b: d.update(classes=list(range(1000)), steps=[{**labels, "members": [{"constant": True}] * 999}])),
        _crafted(content, lambda h, d, b: d.update(steps=[{**labels, "members": [{"constant": True}] * 3}])),
        _crafted(content, lambda h, d, b: d.update(steps=[{**stack, "members": [{"method": "predict_proba"}]}])),
        _crafted(content, lambda h, d, b: d.update(steps=[{**stack, "members": [], "final": {}}])),
        _crafted(content, lambda h, d, b: d.update(prediction_sets={"score": "lac", "allow_empty_sets": True})),
        _crafted(content, lambda h, d, b: d.update(prediction_sets={"score": "exec", "allow_empty_sets": True})),
        (2**63).to_bytes(8, "little") + content[8:],
        (2**24).to_bytes(8, "little") + content[8:],
    ]
    tracemalloc.start()
    for changed in crafted:
        with pytest.raises(ModelFormatError):
            en.load_model(_signed(changed))
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()
