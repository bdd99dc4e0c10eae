"""Check a manifest and the files it names, and report for people and machines."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from .._display import counted, html_table
from .._progress import Progress
from ..exceptions import InvalidInputError
from . import _validate_files as files
from . import _validate_rows as rules
from ._manifest import Problem, complete, find_problems
from ._table_file import read_table_rows

Severity = Literal["error", "warning", "info"]
_ORDER = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True)
class Issue:
    """One finding.

    Attributes
    ----------
    severity : {"error", "warning", "info"}
        Errors make training wrong or impossible; warnings weaken it; the rest is good to know.
    code : str
        A fixed name of the rule, such as ``duplicate_conflict``.
    rows : tuple of int
        The positions of the rows concerned, from 0; empty for a finding about the whole table.
    message : str
        What was found, with examples and a remedy.
    """

    severity: Severity
    code: str
    rows: tuple[int, ...]
    message: str

    def __repr__(self) -> str:
        rows = f", {counted(len(self.rows), 'row')}" if self.rows else ""
        return f"Issue({self.severity!r}, {self.code!r}{rows}: {self.message})"


@dataclass(frozen=True)
class ValidationReport:
    """The result of `validate`.

    Attributes
    ----------
    issues : tuple of Issue
        Errors first.
    summary : dict
        Numbers of rows, files, speakers, recordings; rows by label, modality, speaker and label; rates, channels and durations of the files.
    """

    issues: tuple[Issue, ...]
    summary: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether there is no error; warnings do not count."""
        return all(issue.severity != "error" for issue in self.issues)

    def count(self, severity: Severity) -> int:
        """Return the number of findings of a severity."""
        return sum(issue.severity == severity for issue in self.issues)

    def table(self) -> list[tuple[str, str, str, str]]:
        """Return one row a finding: severity, code, number of manifest rows concerned, message."""
        return [(issue.severity, issue.code, str(len(issue.rows)) if issue.rows else "", issue.message) for issue in self.issues]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as values that JSON can hold."""
        return {
            "ok": self.ok,
            "n_errors": self.count("error"),
            "n_warnings": self.count("warning"),
            "issues": [{"severity": i.severity, "code": i.code, "rows": list(i.rows), "message": i.message} for i in self.issues],
            "summary": self.summary,
        }

    def __repr__(self) -> str:
        return f"ValidationReport({self._counts()} in {counted(self.summary.get('rows', 0), 'row')})"

    def _counts(self) -> str:
        return ", ".join([counted(self.count("error"), "error"), counted(self.count("warning"), "warning"), counted(self.count("info"), "note")])

    def _repr_html_(self) -> str:
        return html_table(repr(self), ["severity", "code", "rows", "message"], self.table())

    def __str__(self) -> str:
        head = f"{self._counts()} in {counted(self.summary.get('rows', 0), 'row')}"
        width = max((len(issue.code) for issue in self.issues), default=0)
        return "\n".join([head, *(f"{s:<8}{c:<{width}}  {n:>5}  {m}" for s, c, n, m in self.table())])


def _frame_of(manifest: pd.DataFrame | str | os.PathLike[str], root: Path | None) -> tuple[pd.DataFrame, list[Problem], Path | None, str]:
    if isinstance(manifest, pd.DataFrame):
        return manifest.reset_index(drop=True), find_problems(manifest), root, "the manifest"
    if not isinstance(manifest, (str, os.PathLike)):
        raise InvalidInputError(f"manifest of validate must be a DataFrame or the path of a table; got {type(manifest).__name__}")
    path = Path(manifest)
    frame, _ = read_table_rows(path, encoding=None)
    return frame, find_problems(frame), root if root is not None else path.parent, str(path)


def _problem_issues(problems: list[Problem], source: str) -> Iterator[Issue]:
    for problem in problems:
        yield Issue("error", problem.code, problem.rows, problem.message(source, lambda row: f"row {row + 1}"))


def validate(manifest: pd.DataFrame | str | os.PathLike[str], root: str | os.PathLike[str] | None = None, *, min_duration_s: float = 0.1,
             n_jobs: int | None = None, progress: Progress = None) -> ValidationReport:
    """Check a manifest and probe every file that it names.

    Parameters
    ----------
    manifest : DataFrame or path
        A manifest, or the CSV or Parquet file of one; broken rows are reported, not raised.
    root : path, optional
        The folder that relative paths start from; by default the folder of the file, or the working folder for a DataFrame.
    min_duration_s : float
        Shorter clips and segments are reported, in seconds.
    n_jobs : int, optional
        Threads; None means the cores that this process may use.
    progress : callable or bool, optional
        A callable of (done, total), True for a bar, False for none; by default a bar where the work takes over a second.

    Returns
    -------
    ValidationReport
        Findings by severity. Errors: broken rows; missing and unreadable files; the same content under two labels or speakers; one recording
        with two speakers; segments past the end; samples that are not finite; a single speaker or label. Warnings: the same content twice, an
        emotion spoken by one speaker only, speakers with one emotion, mixed sampling rates or channels, clipping, silence, too short clips,
        strong imbalance. Notes: outlying durations, labels outside the vocabulary, several files of one take.

    Raises
    ------
    InvalidInputError
        If an argument breaks a rule or the table cannot be read at all.

    Examples
    --------
    >>> from emotion_native import datasets
    >>> datasets.validate(datasets.load_sample(), progress=False).ok
    True
    """
    if not min_duration_s >= 0:
        raise InvalidInputError(f"min_duration_s of validate must be at least 0; got {min_duration_s!r}")
    frame, problems, folder, source = _frame_of(manifest, Path(root) if root is not None else None)
    issues = list(_problem_issues(problems, source))
    if "filepath" not in frame.columns or len(frame) == 0:
        return ValidationReport(tuple(issues), {"rows": len(frame)})
    table = complete(frame, folder)
    probes = files.probe_files(table, n_jobs=n_jobs, progress=progress)
    found = [*rules.row_findings(table, present=[str(name) for name in frame.columns]), *files.file_findings(table, probes, min_duration_s)]
    issues += [Issue(severity, code, rows, message) for severity, code, rows, message in found]
    issues.sort(key=lambda issue: _ORDER[issue.severity])
    return ValidationReport(tuple(issues), {**rules.row_summary(table), **files.file_summary(table, probes)})
