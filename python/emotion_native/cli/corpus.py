"""Commands about the corpus: ``manifest``, ``validate``, ``extract``."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import typer

from .._remedies import suggestion
from ..exceptions import InvalidInputError, MediaDecodeError
from .console import StageProgress, note, print_json, print_table, safe
from .entry import ExitCode

__all__ = ["extract_features", "make_manifest", "validate_manifest"]

PARSERS = ("ravdess", "emodb", "emovo", "crema_d")


def refuse_existing(path: str | Path, *, force: bool, caller: str) -> None:
    """Raise if a file to write exists and may not be replaced."""
    if Path(path).exists() and not force:
        raise InvalidInputError(f"output of {caller} must not exist yet; got {path} (--force replaces it)")


def make_manifest(corpus: str, folder: str, output: str, *, skip_unmatched: bool, force: bool, as_json: bool) -> None:
    """Build and write the manifest of a known corpus."""
    from .. import datasets

    name = corpus.lower().replace("-", "_")
    if name not in PARSERS:
        near = difflib.get_close_matches(name, PARSERS, n=1, cutoff=0.4)
        raise InvalidInputError(f"corpus of manifest must be one of {', '.join(PARSERS)}; got {corpus!r}{suggestion(near)}")
    refuse_existing(output, force=force, caller="manifest")
    frame = getattr(datasets, name)(folder, on_unmatched="skip" if skip_unmatched else "error")
    datasets.write_manifest(frame, output)
    labels = frame["label"].value_counts().sort_index().to_dict()
    result = {"output": output, "rows": len(frame), "speakers": int(frame["speaker"].nunique()), "labels": labels}
    if as_json:
        print_json(result)
        return
    print(f"{len(frame)} clips of {result['speakers']} speakers → {safe(output)}")
    print("Labels: " + ", ".join(f"{safe(label)} {count}" for label, count in labels.items()))
    note(f"Next: emotion-native validate {output}")


def validate_manifest(manifest: str, *, n_jobs: int | None, as_json: bool, quiet: bool) -> None:
    """Check a manifest; exit code 1 if there are errors."""
    from .. import datasets

    with StageProgress(quiet=quiet) as progress:
        report = datasets.validate(manifest, n_jobs=n_jobs, progress=lambda done, total: progress("Checking files", done, total))
    if as_json:
        print_json(report.to_dict())
    else:
        _show_validation(manifest, report)
    if not report.ok:
        raise typer.Exit(ExitCode.ERRORS_FOUND)


def _show_validation(manifest: str, report: Any) -> None:
    import textwrap

    for severity, code, rows, message in report.table():
        count = f" ({rows} rows)" if rows and rows != "1" else ""
        print(f"{severity.upper():<8}{code}{count}")
        print(textwrap.fill(safe(message), 100, initial_indent="        ", subsequent_indent="        "))
    summary = report.summary
    numbers = [f"{summary[name]} {name}" for name in ("rows", "files", "speakers", "recordings") if isinstance(summary.get(name), int)]
    print(", ".join(numbers))
    verdict = "No errors" if report.ok else f"{report.count('error')} errors"
    print(f"{verdict}, {report.count('warning')} warnings in {safe(manifest)}")


def extract_features(
    manifest: str,
    output: str,
    *,
    features: str,
    quality: str,
    sample_rate_hz: int,
    cache: str | bool,
    fail_threshold: float,
    force: bool,
    n_jobs: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Extract features and write the table, then judge how many clips failed."""
    from .. import datasets
    from ..experiment.settings import set_names
    from ..features._extract import extract_silently

    refuse_existing(output, force=force, caller="extract")
    frame = datasets.read_manifest(manifest)
    with StageProgress(quiet=quiet) as progress:
        table = extract_silently(
            frame,
            set_names([features]),
            quality=quality,
            sample_rate_hz=sample_rate_hz,
            n_jobs=n_jobs,
            cache=cache,
            output=output,
            progress=lambda done, total: progress("Extracting features", done, total),
        )
    status = [str(value) for value in table.status]
    failed = [(str(path), code) for path, code in zip(table.rows["filepath"], status, strict=True) if code != "ok"]
    flagged = [(str(path), str(flag)) for path, flag in zip(table.rows["filepath"], table.flags, strict=True) if flag]
    result = {
        "output": output,
        "rows": len(status),
        "columns": len(table.names),
        "failed": [{"filepath": path, "reason": code} for path, code in failed],
        "flagged": [{"filepath": path, "reason": code} for path, code in flagged],
    }
    if as_json:
        print_json(result)
    else:
        print(f"{len(status)} clips × {len(table.names)} features → {safe(output)}")
        if failed:
            print(f"{len(failed)} clips failed:")
            print_table(["File", "Reason"], failed[:20])
        if flagged:
            print(f"{len(flagged)} clips flagged for quality and kept:")
            print_table(["File", "Reason"], flagged[:20])
    if len(failed) > fail_threshold * len(status):
        message = f"clips of extract must be readable for all but {fail_threshold:.0%}; got {len(failed)} of {len(status)} failed"
        if as_json:
            note(f"Error: {message}")
            raise typer.Exit(ExitCode.MEDIA_FAILED)
        raise MediaDecodeError(message)
