"""Write the tables of README.md and of pages in docs/ from the JSON results: ``python benchmarks/tables.py [--check]``.

A table stands between ``<!-- NAME:begin -->`` and ``<!-- NAME:end -->``; nothing else of a file is touched. With ``--check`` nothing is written, and
the exit status is 1 if a table is not the one that the results give.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import coverage_tables
import voice_tables
from scipy import stats

REPOSITORY = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).resolve().parent / "results"
# The README's rows.
ORDER = [
    "features_classic",
    "forest_fit_A_2",
    "forest_fit_B_2",
    "forest_one_A",
    "boosting_fit_A_2",
    "cv_5fold_A_2",
    "stratified_group_k_fold",
    "smote_C_2",
    "shap_A",
    "logistic_fit",
]


def load(name: str) -> dict[str, Any] | None:
    """Return one result, or None where it was not measured yet."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def seconds(value: float) -> str:
    """Return a time with three figures and a readable unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"


def spread(timing: dict[str, Any]) -> str:
    """Return the median with the smallest and the largest."""
    return f"{seconds(timing['median'])} ({seconds(timing['smallest'])} to {seconds(timing['largest'])})"


def threads(ours: dict[str, Any], other: dict[str, Any]) -> str:
    """Return how many threads both sides had: one number where it is the same."""
    return f"{ours['threads']}" if ours["threads"] == other["threads"] else f"{ours['threads']} against {other['threads']}"


def machine_line(results: list[dict[str, Any]]) -> str:
    """Return how and where it was measured."""
    machine = results[0]["machine"]
    repeats = min(timing["measurements"] for result in results for timing in result["timings"] if not result.get("long"))
    return (
        f"Median of at least {repeats} measurements taken by turns (3 where a call takes many seconds), with the smallest and the largest; "
        f"{machine['cores']} cores of {machine['cpu']}, Python {machine['python']}. Both sides' results are compared before they are timed."
    )


def speed_table() -> str:
    """Return the short table of times."""
    results = [result for name in ORDER if (result := load(name)) is not None]
    if not results:
        return "Not measured yet: `python benchmarks/run.py`.\n"
    lines = ["| work | threads | emotion-native | against | takes | faster by |", "|---|---|---|---|---|---|"]
    for result in results:
        ours, *others = result["timings"]
        for other, speedup in zip(others, result["speedups"], strict=True):
            rival = f"{other['name']} {other['version']}"
            lines.append(f"| {result['title']} | {threads(ours, other)} | {spread(ours)} | {rival} | {spread(other)} | **{speedup:.1f}x** |")
    return "\n".join([*lines, "", machine_line(results)]) + "\n"


def quality(agreement: dict[str, Any]) -> str:
    """Return the held-out figures that stand beside a time, ours first."""
    parts = []
    for what in ("uar", "log_loss", "mean_balanced_accuracy"):
        names = [key for key in agreement if key.startswith(f"{what}_") and not key.endswith(("_margin", "_within"))]
        if names and f"{what}_within" in agreement:
            figures = " / ".join(f"{agreement[name]:.3f}" for name in names)
            verdict = "within" if agreement[f"{what}_within"] else "**outside**"
            parts.append(f"{what.replace('_', ' ')} {figures} ({verdict} {agreement[f'{what}_margin']:.3f})")
    return "; ".join(parts)


def targets_table() -> str:
    """Return the full table: every time with its target and the quality beside it."""
    results = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json"))]
    timed = [result for result in results if "speedups_of_cpu" in result]
    if not timed:
        return "Not measured yet: `python benchmarks/run.py`.\n"
    head = "| work | threads | emotion-native | against | takes | faster by: median, minima, CPU | target | held-out quality, ours first |"
    lines = [head, "|---|---|---|---|---|---|---|---|"]
    for result in timed:
        ours, *others = result["timings"]
        if not others:  # a time of ours with a limit: what it is measured against cannot be run here
            lines.append(
                f"| {result['title']} ({result['workload']}) | {ours['threads']} | {spread(ours)} | | | | ours at most {seconds(result['limit'])} | |"
            )
        for i, other in enumerate(others):
            ratios = ", ".join(f"{result[key][i]:.1f}" for key in ("speedups", "speedups_of_minima", "speedups_of_cpu"))
            target = f"{other['target']:.3g}x" if other["target"] else ""
            if not i and result["limit"]:
                target += f" (ours at most {seconds(result['limit'])})"
            work = f"{result['title']} ({result['workload']})" if not i else ""
            mine = spread(ours) if not i else ""
            lines.append(
                f"| {work} | {threads(ours, other)} | {mine} | {other['name']} {other['version']} | {spread(other)} | {ratios} | {target} "
                f"| {quality(result['agreement']) if not i else ''} |"
            )
    return "\n".join([*lines, "", machine_line(timed)]) + "\n"


def figures_table() -> str:
    """Return the table of memory and of disturbed fits."""
    results = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json"))]
    found = [result for result in results if "figures" in result]
    if not found:
        return "Not measured yet: `python benchmarks/run.py`.\n"
    lines = ["| work | figure | value | target |", "|---|---|---|---|"]
    for result in found:
        for figure in result["figures"]:
            target = f"at most {figure['at_most']}" if "at_most" in figure else ""
            lines.append(f"| {result['title']} | {figure['what']} | {figure['value']:.3g} {figure['unit']} | {target} |")
    return "\n".join(lines) + "\n"


def accuracy_table() -> str:
    """Return the table of real accuracy."""
    result = load("accuracy")
    if result is None:
        return "Not measured yet: `python benchmarks/accuracy.py`.\n"
    lines = [
        "| corpus | clips, speakers, classes | chance | forest, ours | forest, scikit-learn "
        "| difference (95 % interval) | within the margin | logistic, ours | logistic, scikit-learn |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in result["corpora"]:
        difference = row["difference"]
        lines.append(
            f"| {row['corpus']} | {row['clips']}, {row['speakers']}, {row['classes']} | {1 / row['classes']:.3f} "
            f"| {row['forest_ours']:.3f} | {row['forest_theirs']:.3f} "
            f"| {difference['mean']:+.4f} ({difference['low']:+.4f} to {difference['high']:+.4f}) | {'yes' if row['non_inferior'] else 'no'} "
            f"| {row['logistic_ours']:.3f} | {row['logistic_theirs']:.3f} |"
        )
    lines += [
        "",
        f"Unweighted average recall, pooled over all held-out rows of speaker-grouped cross-validation; forests of {result['trees']} trees, "
        f"{result['seeds']} seeds, paired by seed. The margin, {result['margin']:.2f}, was fixed in `benchmarks/accuracy.py` before the first run. "
        "The interval covers the choice of the seed, not of the speakers: "
        "with 4 to 12 speakers nothing here says how well either side does on new ones.",
    ]
    return "\n".join(lines) + "\n"


def enrolment_table() -> str:
    """Return the learning curve over the number of enrolment clips."""
    result = load("enrolment")
    if result is None:
        return "Not measured yet: `python benchmarks/enrolment.py`.\n"
    counts = [str(point["clips"]) for point in result["corpora"][0]["curve"]]
    lines = [
        f"| corpus | clips, speakers, classes | plain scaler | {' | '.join(counts)} | gain of all (95 % interval) |",
        "|---|---|---" + "|---" * (len(counts) + 1) + "|",
    ]
    for row in result["corpora"]:
        gain = row["curve"][-1]["gain"]
        shown = " | ".join(f"{point['uar']:.3f}" for point in row["curve"])
        lines.append(
            f"| {row['corpus']} | {row['clips']}, {row['speakers']}, {row['classes']} | {row['scaler']:.3f} | {shown} "
            f"| {gain['mean']:+.3f} ({gain['low']:+.3f} to {gain['high']:+.3f}) |"
        )
    lines += [
        "",
        f"Unweighted average recall, leave-one-speaker-out, `{result['corpora'][0]['feature_set']}` features, logistic regression; columns: "
        f"enrolment clips of the test speaker, mean over {result['seeds']} draws. **Uses audio of the test speakers**, without labels. The gain over "
        "none is the mean over speakers, with Student's t over them.",
    ]
    return "\n".join(lines) + "\n"


def bounds(figure: dict[str, Any], digits: int = 3) -> str:
    """Return an estimate with its interval."""
    if figure["low"] is None or figure["low"] != figure["low"]:
        return f"{figure['estimate']:.{digits}f}"
    return f"{figure['estimate']:.{digits}f} [{figure['low']:.{digits}f}, {figure['high']:.{digits}f}]"


def change(figure: dict[str, Any]) -> str:
    """Return a difference with its interval, bold where the interval lies below 0, and marked where it lies above."""
    text = f"{figure['estimate']:+.3f} [{figure['low']:+.3f}, {figure['high']:+.3f}]".replace("-", "−")
    return f"**{text}**" if figure["high"] < 0 else f"{text} (worse)" if figure["low"] > 0 else text


def reliability_rows() -> list[dict[str, Any]]:
    """Return the rows of the runs on real corpora, with the name of each corpus in the first of its rows only."""
    result = load("reliability")
    rows = [] if result is None else result["rows"]
    named: set[str] = set()
    for row in rows:
        size = f"{row['clips']} clips, {row['speakers']} speakers, {row['classes']} labels"
        row["shown"] = "" if row["corpus"] in named else f"{CORPORA[row['corpus']]}: {size}"
        named.add(row["corpus"])
    return rows


def together(rows: list[dict[str, Any]], model: str, pick: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any] | None:
    """Return the mean of a figure over the corpora of speech, whose speakers are different people, with its interval.

    Each corpus gives its estimate and the standard error behind its interval; the mean has the errors' root of squares, and Student's t the degrees
    of freedom of Welch and Satterthwaite. Differences and errors of calibration alone have such symmetric intervals; only those are shown.
    """
    own = [row for row in rows if row["corpus"] in SPEECH and row["model"] == model]
    if len(own) < len(SPEECH):
        return None
    found = [pick(row) for row in own]
    freedom = [row["degrees"] for row in own]
    errors = [(one["high"] - one["low"]) / 2 / stats.t.ppf(0.975, n) for one, n in zip(found, freedom, strict=True)]
    squares = [error**2 for error in errors]
    df = sum(squares) ** 2 / sum(square**2 / n for square, n in zip(squares, freedom, strict=True))
    estimate, half = sum(one["estimate"] for one in found) / len(own), stats.t.ppf(0.975, df) * sum(squares) ** 0.5 / len(own)
    return {"estimate": estimate, "low": estimate - half, "high": estimate + half}


def speakers_together(rows: list[dict[str, Any]]) -> str:
    """Return what the row of the corpora of speech is called."""
    speakers = sum({row["corpus"]: row["speakers"] for row in rows if row["corpus"] in SPEECH}.values())
    return f"Mean of {', '.join(CORPORA[name] for name in SPEECH)}: {speakers} speakers"


def improved(rows: list[dict[str, Any]], what: str, differences: list[dict[str, Any]]) -> str:
    """Return in how many rows a score fell, in how many of these the interval says so, and where it rose."""
    fell, shown = sum(d["estimate"] < 0 for d in differences), sum(d["high"] < 0 for d in differences)
    rose = [f"{row['corpus']} {row['model']}" for row, d in zip(rows, differences, strict=True) if d["low"] > 0]
    worse = f"; it rose, interval above 0, in {', '.join(rose)}" if rose else "; no interval lies above 0"
    return f"{what} fell in {fell} of {len(rows)} rows, in {shown} with the whole interval below 0{worse}."


def calibration_table() -> str:
    """Return scores before and after calibration on real corpora."""
    rows = reliability_rows()
    if not rows:
        return "Not measured yet: `python benchmarks/reliability.py`.\n"
    names = {"log_loss": "log loss", "expected_calibration_error": "calibration error", "brier": "Brier score"}
    header = [f"{name} before | after | difference" for name in names.values()]
    lines = [f"| corpus | model | {' | '.join(header)} |", "|---" * 11 + "|"]
    for row in rows:
        cells = []
        for name in names:
            found = row["calibration"][name]
            cells += [bounds(found["before"]), bounds(found["after"]), change(found["difference"])]
        lines.append(f"| {row['shown']} | {MODELS[row['model']]} | {' | '.join(cells)} |")
    for model in MODELS:
        cells = []
        for name in names:
            sides = [together(rows, model, lambda row, name=name, side=side: row["calibration"][name][side]) for side in ("before", "after")]
            gap = together(rows, model, lambda row, name=name: row["calibration"][name]["difference"])
            cells += [*(f"{side['estimate']:.3f}" for side in sides if side), *([change(gap)] if gap else [])]
        if cells:
            lines.append(f"| {speakers_together(rows) if model == 'forest' else ''} | {MODELS[model]} | {' | '.join(cells)} |")
    counts = [improved(rows, f"The {text}", [row["calibration"][name]["difference"] for row in rows]) for name, text in names.items()]
    return "\n".join([*lines, "", " ".join(counts)]) + "\n"


def abstention_table() -> str:
    """Return errors with and without abstention on real corpora."""
    rows = reliability_rows()
    if not rows:
        return "Not measured yet: `python benchmarks/reliability.py`.\n"
    share = f"{load('reliability')['coverage']:.0%}".replace("%", " %")  # type: ignore[index]  # its rows were read: it is there
    lines = [
        f"| corpus | model | error of all | error of the {share} most confident | difference "
        "| answered by thresholds | error of these | excess area |",
        "|---" * 8 + "|",
    ]
    for row in rows:
        found = row["abstention"]
        cells = [bounds(found["error"]), bounds(found["error_at_coverage"]), change(found["difference"])]
        cells += [bounds(found["answered"], 2), bounds(found["error_of_answers"]), bounds(found["excess_area"])]
        lines.append(f"| {row['shown']} | {MODELS[row['model']]} | {' | '.join(cells)} |")
    for model in MODELS:
        gap = together(rows, model, lambda row: row["abstention"]["difference"])
        if gap:
            sides = [together(rows, model, lambda row, name=name: row["abstention"][name]) for name in ("error", "error_at_coverage")]
            shown = " | ".join(f"{side['estimate']:.3f}" for side in sides if side)
            lines.append(f"| {speakers_together(rows) if model == 'forest' else ''} | {MODELS[model]} | {shown} | {change(gap)} | | | |")
    count = improved(rows, f"From all clips to the {share} most confident the error", [row["abstention"]["difference"] for row in rows])
    return "\n".join([*lines, "", count]) + "\n"


def sets_table() -> str:
    """Return what prediction sets are worth on real corpora: all speakers measured out of fold, both scores, one threshold or one a class."""
    rows = reliability_rows()
    if not rows:
        return "Not measured yet: `python benchmarks/reliability.py`.\n"
    ways = [(score, conditional) for score in ("lac", "aps") for conditional in (False, True)]
    header = [f"{score.upper()}{', a threshold a class' if conditional else ''}" for score, conditional in ways]
    lines = [f"| corpus | model | level | {' | '.join(header)} |", "|---" * 7 + "|"]
    for row in rows:
        for level in (0.9, 0.75):
            found = {(s["score"], s["class_conditional"]): s for s in row["sets"] if s["level"] == level and s["kind"] == "cross-fitted"}
            cells = []
            for way in ways:
                one = found[way]
                text = f"{bounds(one['coverage_of_speakers'], 2)}, {one['set_size']['estimate']:.1f} of {row['classes']}"
                cells.append(f"{text} (can promise {one['attainable']:.2f})" if one["attainable"] < level else text)
            first = level == 0.9
            lines.append(f"| {row['shown'] if first else ''} | {MODELS[row['model']] if first else ''} | {level:.2f} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def pitch_table() -> str:
    """Return the tables of pitch tracking on synthetic vowels, for the development and the test seed, and that of real clips."""
    result = load("pitch_accuracy")
    if result is None or "seeds" not in result:
        return "Not measured yet: `python benchmarks/pitch_accuracy.py`.\n"
    lines = []
    for part in ("test", "development"):
        lines += [
            f"Vowels of the {part} seed ({result['seeds'][part]}), {result[part][0]['clips']} clips a row:",
            "",
            "| noise | wrong frames, %: ours, pYIN, SWIPE', DIO | missed | false alarms | gross: ours, pYIN, SWIPE', DIO, YIN |"
            " gross where both are voiced: ours / pYIN | cents: ours, pYIN, SWIPE', DIO, YIN |",
            "|---|---|---|---|---|---|---|",
        ]
        for row in result[part]:
            five = [row["trackers"][name] for name in ("pitch", "pyin", "swipe", "dio", "yin")]
            wrong, missed, alarms = (", ".join(f"{100 * t[key]:.1f}" for t in five[:4]) for key in ("wrong", "missed", "false_alarms"))
            gross, cents = (", ".join(f"{scale * t[key]:.1f}" for t in five) for key, scale in (("gross", 100), ("cents", 1)))
            common = f"{100 * five[1]['gross_common_of_pitch']:.1f} / {100 * five[1]['gross_common']:.1f}"
            lines.append(f"| {row['noise']}, {row['snr_db']:.0f} dB | {wrong} | {missed} | {alarms} | {gross} | {common} | {cents} |")
        lines.append("")
    lines += [
        "Real clips: ours / librosa's pYIN, each with the tracker of the row; the last rows are the two with each other. CPU is a second of audio.",
        "",
        "| corpus, clips | with | one voicing, % | both voiced | within 50 cents | within 20 % | an octave apart | CPU, ms: ours, pYIN, that |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in result["real"]:
        pairs = {frozenset(pair["trackers"]): pair for pair in row["pairs"]}
        for other in ("swipe", "dio", "harvest", "librosa.pyin"):
            found = [pairs[frozenset((name, other))] for name in ("pitch", "librosa.pyin") if name != other]
            keys = ("voicing", "both_voiced", "within_50_cents", "within_20_percent", "octave_apart")
            cells = [" / ".join(f"{100 * pair[key]:.1f}" for pair in found) for key in keys]
            cpu = ", ".join(f"{1000 * row['cpu_s_per_s'][name]:.2g}" for name in dict.fromkeys(("pitch", "librosa.pyin", other)))
            lines.append(f"| {CORPORA[row['corpus']]}, {row['clips']} | {PITCH_TRACKERS[other]} | {' | '.join(cells)} | {cpu} |")
    return "\n".join(lines) + "\n"


PITCH_TRACKERS = {"swipe": "SWIPE'", "dio": "DIO", "harvest": "Harvest", "librosa.pyin": "each other"}
CORPORA = {
    "emodb": "EmoDB",
    "ravdess": "RAVDESS",
    "emovo": "EMOVO",
    "ravdess_faces": "RAVDESS, faces",
    "meld_text": "MELD, text",
    "meld_audio": "MELD, voice",
}
SPEECH = ("emodb", "ravdess", "emovo")
MODELS = {"forest": "forest", "gradient_boosting": "boosting", "logistic": "logistic"}
TABLES = {
    "benchmarks": ("README.md", speed_table),
    "targets": ("docs/benchmarks.md", targets_table),
    "figures": ("docs/benchmarks.md", figures_table),
    "accuracy": ("docs/accuracy.md", accuracy_table),
    "enrolment": ("docs/how-to/enrolment.md", enrolment_table),
    "calibration": ("docs/explanation/statistics.md", calibration_table),
    "abstention": ("docs/explanation/statistics.md", abstention_table),
    "sets": ("docs/explanation/statistics.md", sets_table),
    "pitch": ("docs/reference/audio.md", pitch_table),
    **coverage_tables.TABLES,
    **voice_tables.TABLES,
}


def replaced(text: str, name: str, table: str) -> str:
    """Return the text with the table between the markers of that name."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    head, found, rest = text.partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"the markers of {name} are missing")
    return f"{head}{begin}\n{table}{end}{tail}"


def stale() -> list[str]:
    """Return the files whose table is not the one that the results give."""
    found = []
    for name, (file, table) in TABLES.items():
        text = (REPOSITORY / file).read_text(encoding="utf-8")
        if replaced(text, name, table()) != text:
            found.append(file)
    return found


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        sys.exit("\n".join(f"{file}: its table is stale; run python benchmarks/tables.py" for file in stale()) or 0)
    for name, (file, table) in TABLES.items():
        path = REPOSITORY / file
        path.write_text(replaced(path.read_text(encoding="utf-8"), name, table()), encoding="utf-8")
