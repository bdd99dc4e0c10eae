"""Commands about single clips: ``predict`` and ``explain``.

Only NumPy and the runtime are loaded, matplotlib where a picture is asked for, and the explainers for calibrated probabilities.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from .._files import file_sha256
from .._model_format import training_key
from .._remedies import shown_share
from ..exceptions import InvalidInputError
from .console import StageProgress, bar, note, print_json, safe
from .entry import ExitCode

__all__ = ["explain_clip", "model_path", "open_model", "predict_clips", "show_prediction"]

SEEN = "seen: the model was trained on this clip; its confidence says nothing about new clips"

_BACKGROUND_ROWS = 50


def predict_clips(
    clips: list[str],
    model_file: str | None,
    *,
    enrol: list[str] | None,
    top_features: int,
    fail_threshold: float,
    n_jobs: int | None,
    trust_pickle: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Predict clips; exit code 4 when more than ``fail_threshold`` of them cannot be used."""
    model_file = model_path(model_file, "predict")
    model = open_model(model_file, "predict", trust_pickle=trust_pickle)
    clips = _files_of(clips, "clips")
    others = _files_of(enrol, "enrol") if enrol else None
    with StageProgress(quiet=quiet or len(clips) < 8) as progress:
        predictions = model.predict_batch(
            clips, top_features=top_features, n_jobs=n_jobs, progress=lambda done, total: progress("Predicting", done, total), enrol=others
        )
    predictions = _with_notes(predictions, clips, model)
    if as_json:
        print_json(
            {
                "model": _model_record(model, model_file),
                "predictions": [{"filepath": c, **p.to_dict()} for c, p in zip(clips, predictions, strict=True)],
            }
        )
    else:
        for clip, prediction in zip(clips, predictions, strict=True):
            show_prediction(clip, prediction)
        note("The model describes what a recording expresses, not what a person feels.")
    failed = sum(prediction.label is None for prediction in predictions)
    if failed > fail_threshold * len(clips):
        note(f"Error: {failed} of {len(clips)} clips could not be used")
        raise typer.Exit(ExitCode.MEDIA_FAILED)


def model_path(model_file: str | None, caller: str) -> str | None:
    """Return the model file; of a run folder, the one in it."""
    if model_file is not None and os.path.isdir(model_file):
        inside = Path(model_file) / "model.emotion"
        if not inside.is_file():
            raise InvalidInputError(f"model_file of {caller} must be a model file or a run folder with a model.emotion; got the folder {model_file}")
        return str(inside)
    return model_file


def _files_of(clips: Sequence[str], parameter: str, caller: str = "predict") -> list[str]:
    """Return the files that are meant: those named, and of a folder its audio files, those of the folders in it included."""
    found: list[str] = []
    for clip in clips:
        inside = _audio_below(clip) if os.path.isdir(clip) else [clip]
        if not inside:
            raise InvalidInputError(f"{parameter} of {caller} must be audio files or folders of them; got the folder {clip}, which holds none")
        found += inside
    return found


def _audio_below(folder: str) -> list[str]:
    from ..datasets._corpora import AUDIO_ENDINGS

    paths = [Path(place, name) for place, _, names in os.walk(folder) for name in names]
    shown = [path for path in paths if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    return [str(path) for path in sorted(shown) if path.suffix.lower() in AUDIO_ENDINGS]


def _with_notes(predictions: Sequence[Any], clips: Sequence[str], model: Any) -> list[Any]:
    """Return the predictions with a warning where the model file says that the clip took part in the training."""
    trained = set(model.provenance.get("training_content", []))
    if not trained:
        return list(predictions)
    return [
        replace(prediction, warnings=[*prediction.warnings, SEEN]) if prediction.label is not None and _content(clip) in trained else prediction
        for prediction, clip in zip(predictions, clips, strict=True)
    ]


def _content(clip: str) -> str:
    """Return the key of a file among training clips; empty where it cannot be read."""
    return training_key(file_sha256(clip))


def open_model(model_file: str | None, caller: str, *, trust_pickle: bool = False) -> Any:
    """Load a model file; a pickle only where the user says to trust it, for reading one runs what is in it."""
    from ..runtime import load_model

    if model_file is None or Path(model_file).suffix.lower() not in (".pkl", ".pickle"):
        return load_model(model_file)
    if not trust_pickle:
        raise InvalidInputError(
            f"model_file of {caller} must be a model file unless --trust-pickle is given; got {model_file}. A pickle runs code when it is read: "
            "pass --trust-pickle only for a file that you made yourself"
        )
    from ..persistence import load_pickle, model_bytes

    fitted = load_pickle(model_file, trust=True)
    extractor = getattr(fitted, "extractor_", None) or {"feature_set": "classic", "sample_rate_hz": 16_000}
    return load_model(model_bytes(fitted, extractor=extractor))


def _model_record(model: Any, model_file: str | None) -> dict[str, Any]:
    return {
        "file": model_file or "default",
        "hash": model.model_hash,
        "classes": list(model.classes),
        "threshold": model.threshold,
        "ungrouped": bool(model.provenance.get("ungrouped", False)),
    }


def show_prediction(clip: str, prediction: Any) -> None:
    """Print one prediction for people."""
    print(safe(clip))
    if prediction.label is None:
        print(f"  no prediction: {safe(prediction.reason)}")
        for warning in prediction.warnings:
            print(f"  {safe(warning)}")
        print()
        return
    verdict = f"{safe(prediction.label)}, confidence {shown_share(prediction.confidence)}"
    if prediction.labels is not None:
        verdict = ", ".join(map(safe, prediction.labels)) or f"no label above its threshold; most probable: {verdict}"
    if prediction.abstained:
        most = verdict if prediction.labels is None else safe(prediction.label)
        verdict = f"abstains ({safe(prediction.reason)}); most probable: {most}"
    print(f"  {verdict}")
    width = max(len(safe(label)) for label in prediction.probabilities)
    for label, probability in sorted(prediction.probabilities.items(), key=lambda item: -item[1]):
        line = f"    {safe(label).ljust(width)}  {bar(probability)} {shown_share(probability, 6)}"
        print(line if prediction.thresholds is None else f"{line}  (given above {shown_share(prediction.thresholds[label])})")
    if prediction.top_features:
        print("  driven by (contribution to the score before calibration):")
        for feature in prediction.top_features:
            print(f"    {feature.contribution:+.3f}  {safe(feature.name)} = {feature.value:.4g}")
    for warning in prediction.warnings:
        print(f"  warning: {safe(warning)}")
    print()


def explain_clip(
    clip: str,
    model_file: str | None,
    *,
    label: str | None,
    top: int,
    output: str | None,
    as_json: bool,
    enrol: list[str] | None = None,
    calibrated: bool = False,
    trust_pickle: bool = False,
) -> None:
    """Print (and draw) what drove a prediction: the score before calibration, exactly, or the calibrated probability, by permutation."""
    model = open_model(model_path(model_file, "explain"), "explain", trust_pickle=trust_pickle)
    if enrol:
        model = model.for_speaker(_files_of(enrol, "enrol", "explain"))
    explanation = model.explain(clip)
    (explanation["prediction"],) = _with_notes([explanation["prediction"]], [clip], model)
    if calibrated:
        explanation = _calibrated(model, explanation)
    classes = [str(name) for name in explanation["classes"]]
    chosen = str(explanation["prediction"].label) if label is None else label
    if chosen not in classes:
        raise InvalidInputError(f"label of explain must be one of {', '.join(classes)}; got {chosen!r}")
    column = classes.index(chosen)
    values, base = explanation["values"][:, column], float(explanation["base_values"][column])
    order = sorted(range(len(values)), key=lambda row: (-abs(values[row]), row))
    if output is not None:
        _draw(explanation, values, base, chosen, clip, top, output)
    top_rows = [
        {"name": explanation["feature_names"][row], "value": float(explanation["data"][row]), "contribution": float(values[row])}
        for row in order[:top]
    ]
    rest = float(values.sum() - sum(row["contribution"] for row in top_rows))
    result = {
        "filepath": clip,
        "label": chosen,
        "output": explanation["output"],
        "base_value": base,
        "value": base + float(values.sum()),
        "features": top_rows,
        "rest": rest,
        "prediction": explanation["prediction"].to_dict(),
        "picture": output,
    }
    if as_json:
        print_json({**result, "prediction": {**result["prediction"], "top_features": result["prediction"]["top_features"][:top]}})
    else:
        _show_explanation(result, len(values))
        for warning in explanation["prediction"].warnings:
            note(f"Warning: {safe(warning)}")


def _calibrated(model: Any, explanation: dict[str, Any]) -> dict[str, Any]:
    """Return the explanation with the contributions to the calibrated probabilities."""
    if len(model.background) == 0:
        raise InvalidInputError("calibrated of explain must be left out for a model file without background rows; got True")
    from ..explain import PermutationExplainer

    found = PermutationExplainer(model, model.background[:_BACKGROUND_ROWS], seed=0)(explanation["data"][None], progress=False)
    return {**explanation, "values": found.values[0], "base_values": found.base_values[0], "output": "calibrated_probability"}


def _draw(explanation: dict[str, Any], values: Any, base: float, label: str, clip: str, top: int, output: str) -> None:
    from ..reports import contribution_figure, save_figure, shown_label

    if Path(output).suffix.lower() != ".png":
        raise InvalidInputError(f"output of explain must end in .png; got {output}")
    figure = contribution_figure(
        explanation["feature_names"], explanation["data"], values, base=base, label=label, top=top, subtitle=shown_label(Path(clip).name, 60)
    )
    save_figure(figure, output)


def _show_explanation(result: dict[str, Any], n_features: int) -> None:
    prediction = result["prediction"]
    verdict = ", abstains" if prediction["abstained"] else ""
    print(f"{safe(result['filepath'])}: {safe(prediction['label'])}, confidence {shown_share(prediction['confidence'])}{verdict}")
    what = "Calibrated probability of “{}”" if result["output"] == "calibrated_probability" else "Score of “{}” before calibration"
    print(f"{what.format(safe(result['label']))}: {result['value']:.3f}")
    print(f"  {result['base_value']:+.3f}  with nothing known about the clip")
    for row in result["features"]:
        print(f"  {row['contribution']:+.3f}  {safe(row['name'])} = {row['value']:.4g}")
    print(f"  {result['rest']:+.3f}  {n_features - len(result['features'])} other columns")
    if result["picture"]:
        print(f"Picture: {safe(result['picture'])}")
    note("Contributions describe this model, not causes in the world.")
