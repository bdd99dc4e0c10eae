"""What drives a run's models: held-out clips explained by the fits of their own folds, stored as numbers, drawn for the report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import reports
from ..exceptions import InvalidInputError
from .candidates import build_candidates
from .preparing import Prepared, Stage
from .scored import Scored
from .settings import Settings
from .summary import wrapped

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = ["EXPLANATIONS_FILE", "Explained", "explain_held_out", "explanation_figures", "read_explanations"]

EXPLANATIONS_FILE = "explanations.npz"
MOST_FOLDS = 5  # folds that are fitted once more for their explanations
MOST_NUMBERS = 4_000_000  # of one table of contributions
_OUTPUTS = {"probability": "mean class share over the trees' leaves", "margin": "margin (log-odds scale)"}


@dataclass(frozen=True)
class Explained:
    """Contributions of input columns for some held-out clips.

    Attributes
    ----------
    values : float32 array, shape (n, d, k)
        Contributions to the score of each class, before calibration.
    base_values : float32 array, shape (n, k)
        The score where nothing is known about the clip; one fold's clips share it.
    data : float32 array, shape (n, d)
        The columns.
    feature_names, classes : array of str
    row : int64 array, shape (n,)
        Place of the clip in ``predictions_with_confidence.csv``.
    """

    values: NDArray[np.float32]
    base_values: NDArray[np.float32]
    data: NDArray[np.float32]
    feature_names: NDArray[np.str_]
    classes: NDArray[np.str_]
    row: NDArray[np.int64]


def explain_held_out(
    prepared: Prepared, settings: Settings, nested: Any, scored: Scored, record: dict[str, Any], folder: Path, progress: Stage
) -> Explained | None:
    """Explain clips of up to five outer folds by the final candidate's fit on the fold's training rows, write the numbers, and record how.

    That fit is made once more; by the contract of the fold loop it is, bit for bit, the one that predicted the clips.
    """
    if settings.explained_rows == 0:
        return None
    candidate = str(nested.final.candidate)
    usable = np.flatnonzero(~prepared.test & prepared.ok)
    folds = _spread(len(nested.folds), MOST_FOLDS)
    most = max(1, min(settings.explained_rows, MOST_NUMBERS // (len(prepared.names) * len(scored.classes))))
    rng = np.random.default_rng(settings.seed)
    parts, at = [], 0
    for number, fold in enumerate(folds):
        if progress is not None:
            progress("Explaining held-out clips", number, len(folds))
        wanted = most * (number + 1) // len(folds) - at
        at += wanted
        if wanted:
            parts.append(_explain_fold(prepared, settings, candidate, usable, nested.folds, fold, wanted, scored.classes, rng))
    place = np.full(len(prepared.y), -1, dtype=np.int64)
    place[~prepared.test] = np.arange(int((~prepared.test).sum()))
    output = parts[0][3]
    found = Explained(
        np.concatenate([part[0] for part in parts]),
        np.concatenate([part[1] for part in parts]),
        np.concatenate([part[2] for part in parts]),
        np.asarray(prepared.names, dtype=np.str_),
        np.asarray(scored.classes, dtype=np.str_),
        place[np.concatenate([part[4] for part in parts])],
    )
    np.savez_compressed(folder / EXPLANATIONS_FILE, **{name: getattr(found, name) for name in found.__dataclass_fields__})
    record["explanations"] = {"candidate": candidate, "output": output, "rows": len(found.row), "folds": folds, "of_folds": len(nested.folds)}
    if progress is not None:
        progress("Explaining held-out clips", len(folds), len(folds))
    return found


def _spread(count: int, most: int) -> list[int]:
    return [int(k) for k in np.unique(np.linspace(0, count - 1, min(count, most)).round())]


def _explain_fold(
    prepared: Prepared,
    settings: Settings,
    candidate: str,
    usable: NDArray[np.int64],
    folds: Any,
    fold: int,
    wanted: int,
    classes: list[str],
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], str, NDArray[np.int64]]:
    """Return contributions, base values, columns, the kind of output, and the rows explained."""
    from ..persistence import model_bytes
    from ..runtime import load_model

    train, test = usable[folds.train[fold]], usable[folds.test[fold]]
    model = build_candidates(settings)[candidate]
    model.fit(prepared.X[train], prepared.y[train], groups=prepared.group[train] if prepared.grouped else None, speaker=prepared.speaker[train])
    background = prepared.X[np.sort(rng.choice(train, size=min(64, len(train)), replace=False))]
    native = load_model(model_bytes(model, background=background, feature_names=prepared.names))
    rows = np.sort(rng.choice(test, size=min(wanted, len(test)), replace=False))
    own, base = native.explain_features(prepared.X[rows], n_jobs=settings.n_jobs)
    columns = [classes.index(str(label)) for label in native.classes]
    values = np.zeros((*own.shape[:2], len(classes)), dtype=np.float32)  # a class that the fold's training rows lack has no contributions
    values[:, :, columns] = own
    bases = np.zeros((len(rows), len(classes)), dtype=np.float32)
    bases[:, columns] = base
    return values, bases, prepared.X[rows], native.explained_output, rows


def read_explanations(folder: Path) -> Explained | None:
    """Return the explanations of a run folder, None where there are none.

    Raises
    ------
    InvalidInputError
        If the file is damaged.
    """
    path = folder / EXPLANATIONS_FILE
    if not path.exists():
        return None
    try:
        if not path.is_file():
            raise ValueError("no regular file")
        with np.load(path, allow_pickle=False) as arrays:
            found = Explained(*(np.asarray(arrays[name]) for name in Explained.__dataclass_fields__))
        n, d, k = found.values.shape
        shapes = (found.base_values.shape, found.data.shape, found.feature_names.shape, found.classes.shape, found.row.shape)
        if shapes != ((n, k), (n, d), (d,), (k,), (n,)):
            raise ValueError("arrays of other shapes")
    except Exception as error:  # zipfile, zlib and NumPy raise many kinds for a damaged file
        raise InvalidInputError(f"run of report must hold whole explanations; got {path} ({type(error).__name__}: {error})") from None
    return found


@dataclass(frozen=True)
class _Drawn:
    name: str
    caption: str
    figure: Figure


def explanation_figures(found: Explained, record: dict[str, Any], scored: Scored) -> list[tuple[str, str, bytes]]:
    """Return (file name, caption, PNG) of the bars, one swarm a class, and the ways of a right and a wrong prediction."""
    from ..explain import Explanation

    about = record["explanations"]
    explanation = Explanation(
        found.values.astype(np.float64), found.base_values.astype(np.float64), found.data, found.feature_names.tolist(), found.classes
    )
    count, of = len(about["folds"]), about["of_folds"]
    folds = f"all {of} folds" if count == of else f"{count} of {of} folds"
    who = f"{len(found.row)} held-out clips of {folds}, each by its own fold's model ({about['candidate']})"
    figures = [_Drawn("explanation_bar", f"Mean size of the contributions over all classes. {who}.", reports.bar_figure(explanation, subtitle=who))]
    for number, label in enumerate(found.classes.tolist(), start=1):
        if found.values[:, :, number - 1].any():
            figure = reports.beeswarm_figure(explanation, label, subtitle=who)
            figures.append(_Drawn(f"explanation_beeswarm_{number}", f"One point a clip: what moves the score of “{label}”. {who}.", figure))
    for number, (row, words) in enumerate(_examples(found, scored), start=1):
        clip = found.row[row]
        label, name = str(scored.predicted[clip]), reports.shown_label(Path(str(scored.filepath[clip])).name, 48)
        text = f"{name}: predicted {label} ({words}), explained by its fold's model, which saw no clip of its group"
        if record.get("ungrouped"):
            text = f"{name}: predicted {label} ({words}), explained by its fold's model, which did not see this clip"
        figures.append(
            _Drawn(f"explanation_waterfall_{number}", f"{text}.", reports.waterfall_figure(explanation, row, label, subtitle=wrapped(text, 92)))
        )
    return [(drawn.name, drawn.caption, reports.figure_png(drawn.figure)) for drawn in figures]


def _examples(found: Explained, scored: Scored) -> list[tuple[int, str]]:
    """Return the explained clip of greatest confidence that was right, and the one that was wrong, with words about them."""
    predicted, label, confidence = (np.asarray(values)[found.row] for values in (scored.predicted, scored.label, scored.confidence))
    examples = []
    for right in (True, False):
        rows = np.flatnonzero(np.isin(predicted, found.classes) & ((predicted == label) == right))
        if len(rows):
            row = int(rows[np.argmax(confidence[rows])])
            examples.append((row, f"{'right' if right else f'wrong: it is {label[row]}'}, confidence {confidence[row]:.0%}"))
    return examples


def explained_output(record: dict[str, Any]) -> str:
    """Return what the contributions add up to, in words."""
    return _OUTPUTS.get(record["explanations"]["output"], str(record["explanations"]["output"]))
