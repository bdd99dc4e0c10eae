"""The files of a run folder: scores, predictions, figures, tables, the report. Everything can be written again from the numbers alone."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import reports
from .._files import write_atomically
from ..exceptions import ModelFormatError
from ..runtime import load_model
from .augmenting import augmentation_statement
from .calibrating import calibration_table, reliability_figures
from .candidates import ensemble_statement
from .card import MODEL_FILE, build_card
from .explaining import explanation_figures, explanation_words, read_explanations
from .run_folder import json_text
from .scored import Scored
from .summary import answer_table, chance_level, class_table, evidence, measures, speaker_scores, speaker_table, summary_table, wrapped

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["read_run", "write_evaluation", "write_run"]

_SECTIONS = {"Candidates": "Comparison of candidates", "Repeated runs": "Repetition with other seeds"}
PREDICTIONS, HELD_OUT = "predictions_with_confidence.csv", "held_out_predictions.csv"
SELECTION = "selection.csv"


@dataclass(frozen=True)
class _Part:
    """One evaluated set with its pictures."""

    scored: Scored
    figures: dict[str, bytes]
    tables: dict[str, reports.Table]


def write_run(
    folder: Path,
    record: dict[str, Any],
    scored: Scored,
    held_out: Scored | None,
    candidates: dict[str, dict[str, Any]],
    repeats: list[dict[str, Any]],
) -> None:
    """Write every file of a training run but the model, the splits and the explanations."""
    metrics = {
        "cross_validated": scored.summary,
        "held_out": None if held_out is None else held_out.summary,
        "candidates": candidates,
        "repeats": [{name: repeat[name] for name in ("seed", "summary")} for repeat in repeats],
    }
    _write_numbers(folder, record, metrics, scored, held_out)
    write_presentation(folder, record, metrics, scored, held_out)


def write_evaluation(folder: Path, record: dict[str, Any], scored: Scored) -> None:
    """Write every file of an evaluation."""
    metrics = {"evaluation": scored.summary}
    _write_numbers(folder, record, metrics, scored, None)
    write_presentation(folder, record, metrics, scored, None)


def _write_numbers(folder: Path, record: dict[str, Any], metrics: dict[str, Any], scored: Scored, held_out: Scored | None) -> None:
    (folder / "eval_metrics.json").write_text(json_text(metrics), encoding="utf-8")
    (folder / "run.json").write_text(json_text(record), encoding="utf-8")
    _write_csv(scored, folder / PREDICTIONS)
    if len(record.get("selection", {}).get("final", {}).get("scores", {})) > 1:
        _selection_frame(record["selection"]).to_csv(folder / SELECTION, index=False, lineterminator="\n")
    if held_out is not None:
        _write_csv(held_out, folder / HELD_OUT)


def _write_csv(scored: Scored, path: Path) -> None:
    scored.frame().to_csv(path, index=False, encoding="utf-8", errors="surrogateescape", lineterminator="\n")


def _selection_frame(selection: dict[str, Any]) -> pd.DataFrame:
    """Return the log of the choice: one row an outer fold and candidate, then the final model's."""
    import pandas as pd

    rows = [
        {
            "outer_fold": fold.get("fold", "final"),
            "candidate": name,
            selection["metric"]: score,
            "chosen": name == fold["chosen"],
            "inner_folds": fold.get("n_splits", ""),
            "groups": fold.get("n_groups", ""),
            "rows": fold.get("n_rows", ""),
            "inner_split_hash": fold.get("hash", ""),
        }
        for fold in [*selection["folds"], selection["final"]]
        for name, score in fold["scores"].items()
    ]
    return pd.DataFrame(rows)


def selection_statement(selection: dict[str, Any]) -> str:
    """Return in words which split chose the candidates, for the report."""
    folds = selection["folds"]

    def span(name: str) -> str:
        values = sorted({fold[name] for fold in folds if fold[name] is not None})
        return "" if not values else str(values[0]) if len(values) == 1 else f"{values[0]} to {values[-1]}"

    whole = f"{span('n_groups')} whole groups" if span("n_groups") else "single rows (UNGROUPED)"
    names = ", ".join(selection["final"]["scores"])
    return (
        f"In each of the {len(folds)} outer folds one of {names} was chosen by {selection['metric']} on {span('n_splits')} inner folds of {whole} "
        f"of its training part; the final model's on the outer folds. All scores: {SELECTION}."
    )


def read_run(folder: Path) -> tuple[dict[str, Any], dict[str, Any], Scored, Scored | None]:
    """Return the record, the metrics and the predictions of a run folder.

    Raises
    ------
    InvalidInputError
        If the folder is no whole run folder.
    """
    import json

    from ..exceptions import InvalidInputError

    for name in ("run.json", "eval_metrics.json", PREDICTIONS, HELD_OUT):
        if (folder / name).exists() and not (folder / name).is_file():  # a pipe or a device, whose end never comes
            raise InvalidInputError(f"run of report must be a folder that train, evaluate or demo made; got {folder} ({name} is no regular file)")
    try:
        record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        metrics = json.loads((folder / "eval_metrics.json").read_text(encoding="utf-8"))
        main = metrics["cross_validated"] if record["kind"] == "training" else metrics["evaluation"]
        title = "Cross-validated (out-of-fold)" if record["kind"] == "training" else "Evaluation"
        scored = _read_csv(folder / PREDICTIONS, title, record["classes"], main)
        held = metrics.get("held_out")
        held_out = None if held is None else _read_csv(folder / HELD_OUT, "Held-out speakers", record["classes"], held)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        raise InvalidInputError(f"run of report must be a folder that train, evaluate or demo made; got {folder} ({reason})") from None
    return record, metrics, scored, held_out


def _read_csv(path: Path, title: str, classes: list[str], summary: dict[str, Any]) -> Scored:
    import pandas as pd

    frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8", encoding_errors="surrogateescape")

    def text(name: str) -> np.ndarray:
        return np.asarray(frame[name].tolist(), dtype=np.str_)

    proba = np.column_stack([_numbers(frame[f"probability_{name}"].tolist()) for name in classes])
    fold = np.asarray([int(value) if value else -1 for value in frame["fold"]], dtype=np.int64)
    return Scored(
        title,
        list(classes),
        text("filepath"),
        text("label"),
        text("speaker"),
        fold,
        proba,
        text("predicted"),
        _numbers(frame["confidence"].tolist()),
        np.asarray([value == "True" for value in frame["abstained"]]),
        frame["reason"].tolist(),
        summary,
        text("predicted_uncalibrated") if "predicted_uncalibrated" in frame else None,
        _numbers(frame["confidence_uncalibrated"].tolist()) if "confidence_uncalibrated" in frame else None,
        _columns(frame, [f"uncalibrated_probability_{name}" for name in classes]),
    )


def _columns(frame: pd.DataFrame, names: list[str]) -> np.ndarray | None:
    """Return numbers, one column a name; None where the table lacks one."""
    return np.column_stack([_numbers(frame[name].tolist()) for name in names]) if set(names) <= set(frame.columns) else None


def _numbers(values: list[str]) -> np.ndarray:
    return np.asarray([float(value) if value else np.nan for value in values], dtype=np.float64)


def write_presentation(folder: Path, record: dict[str, Any], metrics: dict[str, Any], scored: Scored, held_out: Scored | None) -> None:
    """Write figures, tables and the report from the numbers."""
    part = _part(scored, record)
    for name in (
        "confusion_matrix",
        "confusion_matrix_normalized",
        "metrics_table_summary",
        "metrics_table_classwise",
        "reliability",
        "reliability_classes",
        "risk_coverage",
        "speakers",
    ):
        if name in part.figures:
            write_atomically(folder / f"{name}.png", part.figures[name])
    tables = list(part.tables.values())
    held = None if held_out is None else _part(held_out, record)
    if held is not None:
        tables += list(held.tables.values())
    comparison = comparison_table(metrics.get("candidates") or {}, scored)
    if comparison is not None:
        tables.append(comparison)
    repeated = repeats_table(metrics.get("repeats") or [])
    if repeated is not None:
        tables.append(repeated)
    found = read_explanations(folder) if record.get("explanations") else None
    drawn = [] if found is None else explanation_figures(found, record, scored)
    for name, _, picture in drawn:
        write_atomically(folder / f"{name}.png", picture)
    write_atomically(folder / "metrics_table.tex", reports.latex_tables(tables).encode())
    extra = [table for table in (comparison, repeated) if table is not None]
    if record["kind"] == "training" and (folder / MODEL_FILE).is_file():
        with suppress(ModelFormatError):  # numbers are shown again beside a damaged model file too; only its card is not
            card = build_card(load_model(folder / MODEL_FILE), record, metrics, scored, held_out)
            write_atomically(folder / "model_card.md", card.markdown().encode())
            write_atomically(folder / "model_card.html", card.html().encode())
    write_atomically(folder / "report.html", _page(record, part, held, extra, [(caption, picture) for _, caption, picture in drawn]).encode())


def _part(scored: Scored, record: dict[str, Any]) -> _Part:
    warning = "UNGROUPED: inflated. " if record.get("ungrouped") else ""
    warning += "ENROLMENT: test speakers' own clips were used. " if record.get("enrolment") else ""
    few = ": a demonstration, not evidence" if reports.evidence_note(scored.n_speakers).startswith("Only") else ""
    subtitle = f"{warning}{scored.title}: {len(scored.label)} clips, {scored.n_speakers} speaker{'s' if scored.n_speakers != 1 else ''}{few}"
    tables = {
        "summary": summary_table(scored),
        **({"calibration": table} if (table := calibration_table(scored)) is not None else {}),
        "answers": answer_table(scored),
        "classes": class_table(scored),
        "speakers": speaker_table(scored),
    }
    matrix, failed = scored.confusion()
    figures: dict[str, Figure] = {
        "confusion_matrix": reports.confusion_figure(matrix, scored.classes, failed=failed, subtitle=wrapped(subtitle)),
        "confusion_matrix_normalized": reports.confusion_figure(matrix, scored.classes, normalize=True, failed=failed, subtitle=wrapped(subtitle)),
        "metrics_table_summary": reports.table_figure(tables["summary"]),
        "metrics_table_classwise": reports.table_figure(tables["classes"]),
    }
    if scored.ok.any():
        figures |= reliability_figures(scored, subtitle)
        figures["risk_coverage"] = _risk_coverage(scored, wrapped(subtitle))
    figures["speakers"] = _speakers(scored, wrapped(subtitle))
    return _Part(scored, {name: reports.figure_png(figure) for name, figure in figures.items()}, tables)


def _risk_coverage(scored: Scored, subtitle: str) -> Figure:
    """Draw the curve over all clips: failed ones are never answered, so the curve ends at the share of clips that got a prediction."""
    ok = scored.ok
    wrong = (scored.predicted != scored.label)[ok]
    order = np.argsort(-scored.confidence[ok], kind="stable")
    answered = np.arange(1, len(order) + 1)
    coverage, risk = answered / len(scored.label), np.cumsum(wrong[order]) / answered
    given = ~scored.abstained
    point = None
    if scored.abstained.any() and given.any():
        point = (float(given.mean()), float((scored.predicted != scored.label)[given].mean()))
    return reports.risk_coverage_figure(coverage, risk, operating_point=point, subtitle=subtitle)


def _speakers(scored: Scored, subtitle: str) -> Figure:
    names, values, counts = speaker_scores(scored)
    row = next(row for row in measures(scored.summary) if row.key == "balanced_accuracy")
    interval = None if row.low is None or row.high is None else (row.low, row.high)
    return reports.speaker_figure(
        names, values, counts, pooled=row.value, interval=interval, chance=chance_level(scored.summary), metric="Balanced accuracy", subtitle=subtitle
    )


def comparison_table(candidates: dict[str, dict[str, Any]], scored: Scored) -> reports.Table | None:
    if not candidates:
        return None
    rows = []
    for name, result in candidates.items():
        by_key = {row.key: row for row in measures(result["summary"])}
        uar = by_key["balanced_accuracy"]
        cells = [
            f"{by_key[key].value:.3f}"
            for key in ("accuracy", "macro_f1", "log_loss")
            if by_key.get(key) is not None and by_key[key].value is not None
        ]
        rows.append([name, f"{uar.value:.3f}", reports.format_interval(uar.low, uar.high, scored.n_speakers), *cells, str(result["chosen_in_folds"])])
    header = ["Candidate", "UAR", "95 % interval", "Accuracy", "Macro F1", "Log loss", "Chosen in folds"]
    notes = [
        "Each candidate by its own out-of-fold probabilities, before calibration. The headline scores use the candidate chosen inside each fold."
    ]
    return reports.Table("Candidates", header, rows, notes)


def repeats_table(repeats: list[dict[str, Any]]) -> reports.Table | None:
    """Return one row a seed, then mean and standard deviation over the seeds."""
    if not repeats:
        return None
    keys = ("balanced_accuracy", "accuracy", "macro_f1", "log_loss", "coverage", "selective_accuracy")
    values = [[{row.key: row.value for row in measures(repeat["summary"])}.get(key) for key in keys] for repeat in repeats]
    shown = [[str(repeat["seed"]), *map(_number, row)] for repeat, row in zip(repeats, values, strict=True)]
    columns = [np.asarray([np.nan if value is None else value for value in column], dtype=np.float64) for column in zip(*values, strict=True)]
    for name, of in (("mean", np.mean), ("standard deviation", lambda column: np.std(column, ddof=1))):
        shown.append([name, *("–" if np.isnan(column).any() else f"{of(column):.3f}" for column in columns)])
    header = ["Seed", "UAR", "Accuracy", "Macro F1", "Log loss", "Coverage", "Accuracy of answers"]
    notes = [
        "Each seed draws its own folds (unless they are given), samples and trees. The headline scores are those of the first seed, whatever "
        "the others gave. The spread is the noise of drawing, not of speakers: it says nothing about other speakers."
    ]
    return reports.Table("Repeated runs", header, shown, notes)


def first_line(record: dict[str, Any], scored: Scored) -> str:
    """Return how rows were split, and whether test speakers' own clips were used."""
    told = _split_line(record, scored)
    clips = record.get("enrolment")
    return f"{reports.statements.enrolment_statement(str(clips))} {told}" if clips else told


def _split_line(record: dict[str, Any], scored: Scored) -> str:
    if record["kind"] == "training":
        return reports.split_statement(
            grouped=not record["ungrouped"],
            group_by=record["group_by"],
            n_speakers=scored.n_speakers,
            n_groups=record["groups"],
            n_folds=record["folds"],
        )
    seen = record.get("seen", {})
    if any(seen.values()):
        found = f"{seen['speakers'] or 0} speakers and {seen['clips'] or 0} clips"
        return f"SEEN DATA: {found} took part in the model's training. The scores are inflated."
    if record["ungrouped"]:
        return "The model was tuned on an UNGROUPED split: its calibration and threshold are too optimistic."
    untold = [what for what in ("speakers", "clips") if seen.get(what, 0) is None]
    if untold:
        secret = " and ".join(untold)
        return f"Separate evaluation: {scored.n_speakers} speakers; the model file does not tell which {secret} it was trained on: NOT CHECKED."
    return f"Separate evaluation: {scored.n_speakers} speakers, none of them known from the model's training."


def _subtitle(record: dict[str, Any], scored: Scored) -> str:
    modality = ", ".join(record.get("modality") or []) or "unknown"
    labels = f"{len(scored.classes)} labels ({', '.join(scored.classes)})"
    return f"{len(scored.label)} clips, {scored.n_speakers} speakers, {labels}; modality {modality}; {record['made'].replace('T', ' ')}"


def _page(record: dict[str, Any], part: _Part, held: _Part | None, extra: list[reports.Table], explanations: list[tuple[str, bytes]]) -> str:
    scored = part.scored
    training = record["kind"] == "training"
    page = reports.HtmlPage(
        "Training run" if training else "Evaluation",
        first_line=first_line(record, scored),
        subtitle=_subtitle(record, scored),
        warning=bool(record["ungrouped"]),
    )
    page.cards(_cards(scored))
    if note := evidence(scored):
        page.notice(note)
    page.bullets(report_notes(record, scored))
    _add_part(page, part, "Scores" if not training else "Cross-validated scores")
    if held is not None:
        _add_part(page, held, "Held-out speakers")
        page.paragraph("These speakers took part in nothing else: not in folds, calibration, thresholds, or the final fit.")
    for table in extra:
        page.section(_SECTIONS[table.title])
        page.table(table)
    if explanations:
        _add_explanations(page, record, explanations)
    page.section("Intended use")
    page.notice(reports.INTENDED_USE)
    page.section("How it was made")
    page.details("Settings", _pretty(record.get("settings") or {}))
    page.details("Data, split, seeds, versions", _pretty({key: value for key, value in record.items() if key != "settings"}))
    return page.render()


def _add_explanations(page: reports.HtmlPage, record: dict[str, Any], explanations: list[tuple[str, bytes]]) -> None:
    page.section("What drives the model")
    page.paragraph(explanation_words(record))
    page.figures(explanations, wide=True)


def _pretty(value: Any) -> str:
    return json_text(value).rstrip()


def _cards(scored: Scored) -> list[reports.Card]:
    by_key = {row.key: row for row in measures(scored.summary)}
    uar = by_key["balanced_accuracy"]
    cards = [
        reports.Card(
            "Balanced accuracy (UAR)",
            _number(uar.value),
            f"95 % interval {reports.format_interval(uar.low, uar.high, scored.n_speakers)}; chance {chance_level(scored.summary):.2f}",
        )
    ]
    for key, name in (("accuracy", "Accuracy"), ("selective_accuracy", "Accuracy of answers"), ("expected_calibration_error", "Calibration error")):
        row = by_key.get(key)
        if row is None or row.value is None:
            continue
        detail = f"95 % interval {reports.format_interval(row.low, row.high, scored.n_speakers)}" if row.low is not None else ""
        if key == "selective_accuracy" and (coverage := by_key.get("coverage")) is not None and coverage.value is not None:
            detail = f"on the {coverage.value:.0%} of clips that were answered. {detail}"
        cards.append(reports.Card(name, _number(row.value), detail))
    return cards


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def report_notes(record: dict[str, Any], scored: Scored) -> list[str]:
    lines = list(record.get("notes", []))
    failed = int((~scored.ok).sum())
    if failed:
        codes, counts = np.unique([code for code, ok in zip(scored.reason, scored.ok, strict=True) if not ok], return_counts=True)
        shown = ", ".join(f"{code} {count}" for code, count in zip(codes.tolist(), counts.tolist(), strict=True))
        clips, they = ("clip", "It counts") if failed == 1 else ("clips", "They count")
        lines.append(f"{failed} {clips} failed ({shown}). {they} as wrong and as abstained.")
    lines += _flagged(record)
    for reason, count in (record.get("rows", {}).get("left_out") or {}).items():
        lines.append(f"{count} row{'' if count == 1 else 's'} left out: {reason}.")
    modality = record.get("modality") or []
    if len(modality) == 1:
        lines.append(f"One modality ({modality[0]}): the scores are those of a unimodal model; nothing was fused.")
    if split := record.get("split"):
        made = split["splitter"]
        name = f"published folds {made['parameters']['name']}" if made["parameters"].get("name") else made["name"]
        lines.append(f"Folds: {name}, kept in {split['file']} (hash {split['hash'][:12]}).")
    if sampling := record.get("sampling"):
        detail = ", ".join(f"{name} {value}" for name, value in sampling.items() if name != "kind" and value is not None)
        lines.append(f"Sampling inside the training folds: {sampling['kind']}{f' ({detail})' if detail else ''}.")
    if copies := augmentation_statement(record):
        lines.append(copies)
    lines += _abstention_rule(record)
    if repeats := record.get("repeats"):
        lines.append(f"Repeated with {len(repeats)} seeds; the scores are those of the first, {repeats[0]['seed']}.")
    if len(record.get("selection", {}).get("final", {}).get("scores", {})) > 1:
        lines.append(selection_statement(record["selection"]))
    if ensemble := ensemble_statement(record):
        lines.append(ensemble)
    if record["kind"] == "training":
        lines.append(
            "Calibration, thresholds and the choice of a candidate were fitted inside each training fold; the final model's are not scored here."
        )
    return lines


def _flagged(record: dict[str, Any]) -> list[str]:
    """Return how many clips were kept although their quality is doubtful."""
    flagged = record.get("rows", {}).get("flagged") or {}
    if not flagged:
        return []
    count = sum(flagged.values())
    shown = ", ".join(f"{reason} {n}" for reason, n in flagged.items())
    clips = "clip was" if count == 1 else "clips were"
    return [f"{count} {clips} flagged for quality and kept ({shown}); `quality.action` drop would leave them out."]


def _abstention_rule(record: dict[str, Any]) -> list[str]:
    """Return by which rule clips got no answer, and where its target was missed on the predictions that a threshold was chosen on."""
    settings, reached = record.get("settings") or {}, record.get("target_reached_in_folds") or []
    given = [float(t) for t, met in zip(record.get("thresholds_in_folds") or [], reached, strict=True) if t is not None and met]
    named = ("target_coverage", "target_accuracy", "abstention_cost", "out_of_distribution_rate")
    rule = ", ".join(f"{name.replace('_', ' ')} {settings[name]:g}" for name in named if settings.get(name) is not None)
    lines = []
    if rule and reached:
        thresholds = f"; thresholds on the confidence in the folds {min(given):.2f} to {max(given):.2f}" if given else ""
        lines.append(f"Abstention: {rule}{thresholds}.")
    missed = len(reached) - sum(map(bool, reached))
    if not missed:
        return lines
    if settings.get("abstention_cost") is not None:
        why = f"no answer pays at an abstention cost of {settings['abstention_cost']:g}"
    else:
        why = f"the target accuracy of {settings.get('target_accuracy') or 0:g} is not reached by any threshold"
    return [*lines, f"In {missed} of {len(reached)} folds {why} on the inner predictions: nothing was answered there."]


def _add_part(page: reports.HtmlPage, part: _Part, heading: str) -> None:
    page.section(heading)
    for table in part.tables.values():
        page.table(table)
    captions = {
        "confusion_matrix": "Confusion matrix, counts",
        "confusion_matrix_normalized": "Confusion matrix, shares of each true class",
        "reliability": "Reliability diagram",
        "risk_coverage": "Risk-coverage curve",
        "speakers": "Scores of each speaker",
    }
    page.figures([(text, part.figures[name]) for name, text in captions.items() if name in part.figures])
    if "reliability_classes" in part.figures:
        page.figures([("Reliability diagram of each class", part.figures["reliability_classes"])], wide=True)
