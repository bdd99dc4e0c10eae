"""Commands about models: ``train``, ``evaluate``, ``report``, ``compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..exceptions import InvalidInputError
from .console import StageProgress, note, print_json, print_table, safe

__all__ = ["run_comparison", "run_evaluation", "run_training", "show_report"]


def run_training(config: str | None, flags: dict[str, Any], extra: list[str], *, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Train by settings from file, environment and flags, and show the result."""
    from ..experiment import load_settings, train
    from ..experiment.preparing import check_inputs, read_source
    from ..experiment.run_folder import check_target

    named = _named(extra)
    if "features" in flags and "features" in named:
        both = f"{flags['features']!r} and {named['features']!r}"
        raise InvalidInputError(f"--features and --set features= of train must not both be given; got {both}")
    layered = load_settings(config, flags={**named, **flags})
    settings = layered.settings
    if settings.manifest is None:
        raise InvalidInputError("manifest of train must be named, as an argument or in the settings file; got none")
    check_target(Path(settings.output), force=settings.force)
    check_inputs(settings)
    source = read_source(settings.manifest)
    if not quiet:
        _show_settings(layered, verbose=verbose)
    with StageProgress(quiet=quiet) as progress:
        run = train(source, settings, progress=progress, origins=layered.origins)
    if as_json:
        print_json(training_result(run))
    else:
        show_scores(run.record, run.cross_validated, run.held_out, run.candidates, run.repeats)
        print(f"Run folder: {safe(run.folder)}")
        note(f"Next: open {run.folder / 'report.html'} · emotion-native predict CLIP --model-file {run.model_path}")


def _show_settings(layered: Any, *, verbose: bool) -> None:
    """Print the settings that were given or differ from their defaults; all of them where asked for."""
    from ..experiment import load_settings

    rows = layered.table()
    if not verbose:
        defaults = {name: value for name, value, _ in load_settings(environment={}).table()}
        rows = [row for row in rows if row[2] != "default" or row[1] != defaults[row[0]]]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    note("Settings (name, value, from):" if verbose else "Settings (name, value, from), the others at their defaults (--verbose shows them):")
    for name, value, origin in rows:
        note(f"  {name.ljust(widths[0])}  {value.ljust(widths[1])}  {origin}")


def training_result(run: Any) -> dict[str, Any]:
    """Return what ``train --json`` prints."""
    return {
        "folder": str(run.folder),
        "model_file": str(run.model_path),
        "report": str(run.folder / "report.html"),
        "ungrouped": run.ungrouped_,
        "enrolment": run.record.get("enrolment"),
        "cross_validated": run.cross_validated.summary,
        "held_out": None if run.held_out is None else run.held_out.summary,
        "candidates": run.candidates,
        "repeats": run.repeats,
        "run": run.record,
    }


def _named(extra: list[str]) -> dict[str, Any]:
    """Read ``--set NAME=VALUE``; values as in YAML, lists with commas too."""
    from ..experiment.layers import flag_value

    values: dict[str, Any] = {}
    for item in extra:
        name, equals, text = item.partition("=")
        if not equals or not name.strip():
            raise InvalidInputError(f"--set of train must be NAME=VALUE; got {item!r}")
        values[name.strip()] = flag_value(name.strip(), text)
    return values


def run_evaluation(
    model_file: str,
    manifest: str,
    *,
    output: str | None,
    cache: str | bool,
    fail_threshold: float,
    allow_seen: bool,
    enrol: bool,
    force: bool,
    n_jobs: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Score a model on new speakers and show the result."""
    from ..experiment import evaluate
    from .prediction import model_path

    with StageProgress(quiet=quiet) as progress:
        result = evaluate(
            str(model_path(model_file, "evaluate")),
            manifest,
            output=output,
            force=force,
            allow_seen=allow_seen,
            enrol=enrol,
            cache=cache,
            fail_threshold=fail_threshold,
            n_jobs=n_jobs,
            progress=progress,
        )
    if as_json:
        folder = None if result.folder is None else str(result.folder)
        print_json(
            {
                "evaluation": result.scored.summary,
                "folder": folder,
                "ungrouped": result.record["ungrouped"],
                "seen": result.seen,
                "run": result.record,
            }
        )
        return
    show_scores(result.record, result.scored, None, {}, [])
    if result.folder is not None:
        print(f"Folder: {safe(result.folder)}")


def show_report(run: str, *, rebuild: bool, as_json: bool) -> None:
    """Show a run folder's scores; write its pictures and pages again where asked."""
    from ..experiment.writing import read_run, write_presentation

    folder = Path(run)
    record, metrics, scored, held_out = read_run(folder)
    if rebuild:
        write_presentation(folder, record, metrics, scored, held_out)
    if as_json:
        print_json({"folder": str(folder), "metrics": metrics, "run": record})
        return
    show_scores(record, scored, held_out, metrics.get("candidates") or {}, metrics.get("repeats") or [])
    print(f"Report: {safe(folder / 'report.html')}")


def run_comparison(runs: list[str], *, metrics: list[str], level: float, output: str | None, force: bool, n_jobs: int | None, as_json: bool) -> None:
    """Compare run folders and show which differences are real."""
    from ..experiment import compare

    found = compare(runs, metrics=metrics, level=level, output=output, force=force, n_jobs=n_jobs)
    if as_json:
        print_json({"folder": output, "comparison": found.to_dict()})
        return
    print(f"{found.n_clips} clips of {found.n_speakers} speakers, the same for every run.")
    for line in found.findings():
        print(f"· {safe(line)}")
    for table in (found.table(), found.difference_table()):
        print(f"\n{table.title}")
        print_table(table.header, table.rows)
        for line in table.notes:
            print(f"· {safe(line)}")
    if output is not None:
        print(f"\nFolder: {safe(output)}")


def show_scores(record: dict[str, Any], scored: Any, held_out: Any, candidates: dict[str, Any], repeats: list[dict[str, Any]]) -> None:
    """Print the first line of a report, then the tables."""
    from ..experiment.summary import evidence
    from ..experiment.writing import comparison_table, first_line, repeats_table, report_notes

    print(safe(first_line(record, scored)))
    for part in [scored, *([] if held_out is None else [held_out])]:
        show_part(part)
        if text := evidence(part):
            print(text)
    for table in (comparison_table(candidates, scored), repeats_table(repeats)):
        if table is not None:
            print(f"\n{table.title}")
            print_table(table.header, table.rows)
    for line in report_notes(record, scored):
        print(f"· {safe(line)}")
    print()


def show_part(scored: Any) -> None:
    """Print the summary, the answers and the class-wise table of one evaluated set."""
    from ..experiment.calibrating import calibration_table
    from ..experiment.summary import answer_table, class_table, summary_table

    for table in (summary_table(scored), calibration_table(scored), answer_table(scored), class_table(scored)):
        if table is not None:
            print(f"\n{safe(table.title)}")
            print_table(table.header, table.rows)
    print()
