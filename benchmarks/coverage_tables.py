"""The tables of measured coverage in docs/explanation/statistics.md, from the results of the simulations; ``tables.py`` writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"
SETTINGS = ("even", "uneven", "high")
IMPORTANCE = {
    (0.3, False, "between", "accuracy"): "level 0.3",
    (2.0, False, "between", "accuracy"): "level 2",
    (2.0, True, "between", "accuracy"): "level 2, uneven",
    (2.0, True, "between", "balanced_accuracy"): "the same, balanced accuracy",
    (1.0, True, "between", "neg_log_loss"): "level 1, uneven, log loss",
    (0.5, False, "within", "accuracy"): "within: level 0.5",
    (0.5, True, "within", "accuracy"): "within: level 0.5, uneven",
    (2.0, True, "within", "accuracy"): "within: level 2, uneven",
}
SELECTIVE = {
    "error": "error at 70 %",
    "uar": "balanced accuracy at 70 %",
    "area_under_risk_coverage": "area",
    "excess_area_under_risk_coverage": "excess area",
}


def results(name: str) -> Any:
    """Return the results of one simulation."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))["results"]


def markdown(header: list[str], rows: list[list[str]], note: str) -> str:
    """Return a table with a line under it."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), "", note]) + "\n"


def counts(samples: list[int]) -> str:
    """Return the number of data sets behind the cells of a table."""
    low, high = min(samples), max(samples)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def interval_table() -> str:
    """Return the coverage of intervals over speakers, for each score and number of speakers."""
    found = {(row["n_speakers"], row["setting"]): row for row in results("interval_coverage")}
    speakers = sorted({n for n, _ in found})
    rows = []
    for score in found[speakers[0], "even"]["scores"]:
        cells = [" / ".join(f"{100 * found[n, setting]['scores'][score]['coverage']:.1f}" for setting in SETTINGS) for n in speakers]
        rows.append([f"{score}, same rule" if score.startswith("area") else score, *cells])
    note = f"Data sets a cell: {counts([row['samples'] for row in found.values()])}; a fifth of that for the two bootstraps."
    return markdown(["score", *map(str, speakers)], rows, note)


def comparison_table() -> str:
    """Return false alarms, coverage and power of the comparison of two models."""
    found = results("comparison_coverage")

    def cell(row: dict[str, Any], kind: str, name: str, digits: int) -> str:
        return " / ".join(f"{100 * one[kind][name]:.{digits}f}" for one in row["settings"].values())

    columns = [("false alarms", "over speakers", 1), ("false alarms", "over clips", 1), ("interval", "coverage", 1), ("interval", "power", 0)]
    rows = [[str(row["n_speakers"]), *(cell(row, *column) for column in columns)] for row in found]
    header = ["speakers", f"false alarms over speakers: {' / '.join(found[0]['settings'])}", "over clips", "the interval covers", "power of the test"]
    return markdown(header, rows, f"Data sets a cell: {counts([row['samples'] for row in found])}.")


def calibration_comparison_table() -> str:
    """Return false alarms, coverage and power of the comparison of two models' calibration errors."""
    found = {row["n_speakers"]: row["calibration"] for row in results("comparison_coverage") if "calibration" in row}
    columns = {
        "equal: found": "false alarms",
        "equal: coverage": "the interval covers 0",
        "better: coverage": "it covers a difference",
        "better: found": "power",
    }

    def cell(row: dict[str, Any], name: str) -> str:
        return " / ".join(f"{100 * one[name]:.1f}" for one in row.values() if isinstance(one, dict) and name in one)

    rows = [[str(n), *(cell(row, name) for name in columns)] for n, row in found.items()]
    settings = [name for name, one in next(iter(found.values())).items() if isinstance(one, dict)]
    header = ["speakers", *columns.values()]
    return markdown(header, rows, f"In this order: {', '.join(settings)}. Data sets a cell: {counts([row['samples'] for row in found.values()])}.")


def selective_table() -> str:
    """Return the coverage of intervals of selective scores."""
    found = {(row["metric"], row["n_speakers"], row["uneven"]): row for row in results("promise_coverage")["selective"]}
    rows = []
    for n in sorted({n for _, n, _ in found}):
        cells = [" / ".join(f"{100 * found[metric, n, uneven]['coverage']:.1f}" for uneven in (False, True)) for metric in SELECTIVE]
        rows.append([str(n), *cells])
    note = f"Data sets a cell: {counts([row['samples'] for row in found.values()])}."
    return markdown(["speakers", *(f"{name} even / uneven" for name in SELECTIVE.values())], rows, note)


def prediction_set_table() -> str:
    """Return the share of covered rows of new speakers, for each conformity score."""
    found = {(row["n_held_out"], row["promise"], row["score"], row["class_conditional"]): row for row in results("promise_coverage")["sets"]}
    rows = []
    for held_out, promise in sorted({key[:2] for key in found}):
        own = [[found[held_out, promise, score, each] for each in (False, True)] for score in ("lac", "aps", "randomized_aps")]
        rows.append([f"{held_out}, {promise:.2f}", *(" / ".join(f"{one['coverage']:.3f}" for one in pair) for pair in own)])
    errors = [row["error"] for row in found.values()]
    note = f"Data sets a cell: {counts([row['samples'] for row in found.values()])}; standard errors {min(errors):.4f} to {max(errors):.4f}."
    return markdown(["held-out speakers, promise", "LAC: all / each class", "APS", "randomised APS"], rows, note)


def importance_table() -> str:
    """Return the coverage of intervals of permutation importance, with the model fixed and with the models of five folds."""
    own = results("promise_coverage")["importance"]
    found = {(row["n_speakers"], (row["level"], row["uneven"], row["shuffle"], row["scoring"])): row for row in own}
    rows = [[str(n), *(f"{100 * found[n, key]['coverage']:.1f}" for key in IMPORTANCE)] for n in sorted({n for n, _ in found})]
    refitted = results("promise_coverage")["refitted"]
    shown = ", ".join(f"{100 * row['coverage']:.1f} with {row['n_speakers']} speakers" for row in refitted)
    note = (
        f"Data sets a cell: {counts([row['samples'] for row in own])}. With models of five grouped folds (logistic regression, level 1,\n"
        f"{counts([row['samples'] for row in refitted])} data sets), about what these five models show on 800 to 3,200 other speakers: {shown}."
    )
    return markdown(["speakers", *IMPORTANCE.values()], rows, note)


PAGE = "docs/explanation/statistics.md"
TABLES = {
    "interval-coverage": (PAGE, interval_table),
    "comparison-coverage": (PAGE, comparison_table),
    "calibration-comparison-coverage": (PAGE, calibration_comparison_table),
    "selective-coverage": (PAGE, selective_table),
    "set-coverage": (PAGE, prediction_set_table),
    "importance-coverage": (PAGE, importance_table),
}
