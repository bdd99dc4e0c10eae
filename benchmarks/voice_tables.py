"""The tables of docs/accuracy.md on the best models of voice, from the results of ``best_voice.py``; ``tables.py`` writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"
CORPORA = {"ravdess": "RAVDESS", "emodb": "EmoDB", "emovo": "EMOVO"}
MODELS = {
    "egemaps": "logistic regression, `egemaps`",
    "full": "logistic regression, `full`",
    "vote": "vote of both",
    "chosen": "one of these three, chosen by the inner folds",
    "egemaps copies": "logistic regression, `egemaps`, with copies",
    "full copies": "logistic regression, `full`, with copies",
    "vote copies": "vote of both, with copies",
    "chosen copies": "one of these three, chosen by the inner folds",
    "egemaps copies averaged": "`egemaps`, with copies, mean over copies of the test clip too",
    "full copies averaged": "`full`, with copies, mean over copies of the test clip too",
    "vote copies averaged": "vote of both, with copies, mean over copies of the test clip too",
    "chosen copies averaged": "one of these three, chosen by the inner folds",
}
SHOWN = {"egemaps": "`egemaps`", "full": "`full`", "vote": "vote of both"}


def read() -> dict[str, Any] | None:
    """Return the result, or None where it was not measured yet."""
    path = RESULTS / "best_voice.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def change(gain: dict[str, float]) -> str:
    """Return a gain with its interval, bold where the interval lies above 0, marked where it lies below."""
    text = f"{gain['mean']:+.3f} [{gain['low']:+.3f}, {gain['high']:+.3f}]".replace("-", "−")
    return f"**{text}**" if gain["low"] > 0 else f"{text} (worse)" if gain["high"] < 0 else text


def header(result: dict[str, Any], first: list[str]) -> list[str]:
    """Return the head of a table with a column a corpus."""
    shown = [f"{CORPORA[row['corpus']]}: {row['speakers']} speakers, {row['classes']} classes" for row in result["corpora"]]
    return [f"| {' | '.join([*first, *shown])} |", "|---" * (len(first) + len(shown)) + "|"]


def models_table() -> str:
    """Return the recall of each model without enrolment, and what copies gain."""
    result = read()
    if result is None:
        return "Not measured yet: `python benchmarks/best_voice.py`.\n"
    lines = header(result, ["model"])
    reference = [f"{row['reference']['egemaps']:.3f} / {row['reference']['full']:.3f}" for row in result["corpora"]]
    lines.append(f"| openSMILE's eGeMAPS / ComParE, logistic regression | {' | '.join(reference)} |")
    for model, shown in MODELS.items():
        cells = []
        for row in result["corpora"]:
            one = next((one for one in row["models"] if one["model"] == model), None)
            if one is None:
                cells.append("not measured yet")
                continue
            gain = one["gain_over_plain"]
            more = f"; copies {change(gain)}" if gain else ""
            cells.append(f"{one['recall']:.3f} [{one['low']:.3f}, {one['high']:.3f}]{more}")
        lines.append(f"| {shown} | {' | '.join(cells)} |")
    note = (
        "Unweighted average recall, leave-one-speaker-out, [95 % interval over speakers]; after “copies” the mean gain over speakers against the "
        f"same model without copies, bold where its interval lies above 0. {result['copies']} copies a training clip. No speaker's clips were used "
        "to choose anything for that speaker."
    )
    return "\n".join([*lines, "", note]) + "\n"


def enrolment_table() -> str:
    """Return the recall over the number of enrolment clips."""
    result = read()
    if result is None:
        return "Not measured yet: `python benchmarks/best_voice.py`.\n"
    counts = [point["clips"] for point in result["corpora"][0]["enrolment"][0]["points"]]
    ends = ["1 clip over none", "1 clip over a plain scaler", "all over none"]
    first = ["corpus", "columns", "`training`", "copies", *map(str, counts), *ends]
    lines = [f"| {' | '.join(first)} |", "|---" * len(first) + "|"]
    for row in result["corpora"]:
        for curve in row["enrolment"]:
            points = {point["clips"]: point for point in curve["points"]}
            cells = [f"{points[count]['recall']:.3f}" for count in counts]
            gains = [change(points[1]["gain"]), change(points[1]["gain_over_plain"]), change(points["all"]["gain"])]
            first = [CORPORA[row["corpus"]], SHOWN[curve["model"]], curve["training"], "yes" if curve["copies"] else ""]
            lines.append(f"| {' | '.join([*first, *cells, *gains])} |")
    ones = [point for row in result["corpora"] for curve in row["enrolment"] for point in curve["points"] if point["clips"] == 1]
    worse = sum(point[name]["high"] < 0 for point in ones for name in ("gain", "gain_over_plain"))
    note = (
        "**Uses audio of the test speakers**, without labels: each test clip was normalised by so many other clips of its speaker. Logistic "
        f"regressions; mean over {result['draws']} draws of the clips; the plain scaler has no copies. Gains are means over speakers [95 % "
        f"interval], bold where the interval lies above 0. Of the {2 * len(ones)} gains of one clip {worse} have an interval below 0."
    )
    return "\n".join([*lines, "", note]) + "\n"


TABLES = {
    "best-voice": ("docs/accuracy.md", models_table),
    "best-voice-enrolment": ("docs/accuracy.md", enrolment_table),
}
