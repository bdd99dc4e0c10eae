"""What drives a run's models: held-out clips explained by the fits of their own folds, stored as numbers, drawn for the report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import reports
from .._display import counted, listed
from .._remedies import shown_share
from ..exceptions import InvalidInputError
from .augmenting import row_metadata
from .candidates import build_candidates
from .preparing import Prepared, Stage
from .scored import Scored
from .settings import Settings
from .summary import wrapped

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from ..explain import Explanation

__all__ = ["EXPLANATIONS_FILE", "Explained", "explain_held_out", "explanation_figures", "explanation_words", "read_explanations"]

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

    def __repr__(self) -> str:
        size = f"{counted(len(self.row), 'clip')}, {len(self.feature_names)} columns"
        return f"Explained({size}, {len(self.classes)} classes: {listed(self.classes)})"


def explain_held_out(
    prepared: Prepared, settings: Settings, nested: Any, scored: Scored, record: dict[str, Any], folder: Path, progress: Stage
) -> Explained | None:
    """Explain clips of up to five outer folds by the fit of the candidate that the fold chose, write the numbers, and record how.

    That fit is made once more; by the contract of the fold loop it is, bit for bit, the one that predicted the clips.
    """
    if settings.explained_rows == 0:
        return None
    chosen = [str(name) for name in nested.chosen]
    usable = np.flatnonzero(~prepared.test & prepared.ok)
    most = max(1, min(settings.explained_rows, MOST_NUMBERS // (len(prepared.names) * len(scored.classes))))
    single = [fold for fold, name in enumerate(chosen) if name != "ensemble"]  # what an ensemble says is no sum of contributions of columns
    folds = [single[place] for place in _folds_to_explain([chosen[fold] for fold in single], min(MOST_FOLDS, most))] if single else []
    if not folds:
        record["notes"].append("No clips are explained: what an ensemble says is no sum of contributions of single columns.")
        return None
    rng = np.random.default_rng(settings.seed)
    parts: list[_Part] = []
    at = 0
    for number, fold in enumerate(folds):
        if progress is not None:
            progress("Explaining held-out clips", number, len(folds))
        wanted = most * (number + 1) // len(folds) - at
        at += wanted
        parts.append(_explain_fold(prepared, settings, chosen[fold], usable, nested.folds, fold, wanted, scored.classes, rng))
    place = np.full(len(prepared.y), -1, dtype=np.int64)
    place[~prepared.test] = np.arange(int((~prepared.test).sum()))
    found = Explained(
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.base_values for part in parts]),
        np.concatenate([part.data for part in parts]),
        np.asarray(prepared.names, dtype=np.str_),
        np.asarray(scored.classes, dtype=np.str_),
        place[np.concatenate([part.rows for part in parts])],
    )
    np.savez_compressed(folder / EXPLANATIONS_FILE, **{name: getattr(found, name) for name in found.__dataclass_fields__})
    record["explanations"] = {**_kinds(chosen, parts), "rows": len(found.row), "folds": folds, "of_folds": len(chosen)}
    if progress is not None:
        progress("Explaining held-out clips", len(folds), len(folds))
    return found


@dataclass(frozen=True)
class _Part:
    """The explained clips of one fold: the candidate that the fold chose, what its contributions add up to, and the arrays of `Explained`."""

    fold: int
    candidate: str
    output: str
    values: NDArray[np.float32]
    base_values: NDArray[np.float32]
    data: NDArray[np.float32]
    rows: NDArray[np.int64]


def _folds_to_explain(chosen: list[str], most: int) -> list[int]:
    """Return folds, spread over all, with each candidate in about the share of the folds that chose it, the commonest for certain."""
    first = {name: chosen.index(name) for name in chosen}
    order = sorted(range(len(chosen)), key=lambda fold: (-chosen.count(chosen[fold]), first[chosen[fold]], fold))
    places = np.unique(np.linspace(0, len(chosen) - 1, min(len(chosen), most)).round())
    return sorted(order[int(place)] for place in places)


def _kinds(chosen: list[str], parts: list[_Part]) -> dict[str, Any]:
    """Return which candidate the summaries are of (the one that most folds chose), what its contributions add up to, and the same of each."""
    kinds: dict[str, dict[str, Any]] = {}
    for part in parts:
        kind = kinds.setdefault(part.candidate, {"output": part.output, "rows": 0, "folds": [], "chosen_in_folds": chosen.count(part.candidate)})
        kind["rows"] += len(part.rows)
        kind["folds"].append(part.fold)
    candidate = max(kinds, key=lambda name: kinds[name]["chosen_in_folds"])  # the first explained wins ties
    return {"candidate": candidate, "output": kinds[candidate]["output"], "candidates": kinds}


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
) -> _Part:
    """Fit the candidate on the fold's training rows and explain some of its test rows."""
    from ..persistence import model_bytes
    from ..runtime import load_model

    train, test = usable[folds.train[fold]], usable[folds.test[fold]]
    model = build_candidates(settings, prepared.copies)[candidate]
    groups = prepared.group[train] if prepared.grouped else None
    model.fit(prepared.X[train], prepared.y[train], groups=groups, **row_metadata(prepared, train))
    reference = np.sort(rng.choice(len(train), size=min(64, len(train)), replace=False))
    picked = np.sort(rng.choice(len(test), size=min(wanted, len(test)), replace=False))
    rows, background, seen = test[picked], prepared.X[train[reference]], prepared.X[test[picked]]
    if prepared.enrolled and hasattr(model, "steps"):
        # What predicted a row saw it normalised by the other test clips of its speaker; contributions are of the same columns.
        end = [name for name, _ in model.steps].index("normalise") + 1
        normalise, model = model[:end], model[end:]
        told = [{name: value for name, value in row_metadata(prepared, part).items() if name != "clip"} for part in (train, test)]
        background = normalise.transform(prepared.X[train], **told[0])[reference]
        seen = normalise.transform(prepared.X[test], **told[1])[picked]
    native = load_model(model_bytes(model, background=background, feature_names=prepared.names))
    own, base = native.explain_features(seen, n_jobs=settings.n_jobs)
    columns = [classes.index(str(label)) for label in native.classes]
    values = np.zeros((*own.shape[:2], len(classes)), dtype=np.float32)  # a class that the fold's training rows lack has no contributions
    values[:, :, columns] = own
    bases = np.zeros((len(rows), len(classes)), dtype=np.float32)
    bases[:, columns] = base
    return _Part(fold, candidate, native.explained_output, values, bases, prepared.X[rows], rows)


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


def candidate_of_rows(found: Explained, record: dict[str, Any], scored: Scored) -> NDArray[np.str_]:
    """Return, for each explained clip, the candidate that predicted and explains it; empty where these differ.

    They differ in run folders of versions that explained every fold by the final model's candidate.
    """
    chosen = np.asarray(record["chosen_in_folds"], dtype=np.str_)[scored.fold[found.row]]
    explained = np.asarray(list(_candidates(record)), dtype=np.str_)
    return np.where(np.isin(chosen, explained), chosen, "")


def _candidates(record: dict[str, Any]) -> dict[str, dict[str, Any]]:
    about = record["explanations"]
    return dict(about.get("candidates") or {about["candidate"]: {"output": about["output"], "rows": about["rows"], "folds": about["folds"]}})


def explanation_figures(found: Explained, record: dict[str, Any], scored: Scored) -> list[tuple[str, str, bytes]]:
    """Return (file name, caption, PNG) of the bars, one swarm a class, and the ways of a right and a wrong prediction.

    Bars and swarms are of the clips of one candidate, the one that most folds chose: candidates differ in what contributions add up to.
    """
    from ..explain import Explanation

    explanation = Explanation(
        found.values.astype(np.float64), found.base_values.astype(np.float64), found.data, found.feature_names.tolist(), found.classes
    )
    kinds = candidate_of_rows(found, record, scored)
    alike = np.flatnonzero(kinds == record["explanations"]["candidate"])
    figures = _summaries(explanation[alike], _who(found, record, scored, alike), found.classes.tolist()) if len(alike) else []
    for number, (row, words) in enumerate(_examples(found, scored, kinds), start=1):
        clip = found.row[row]
        label, name = str(scored.predicted[clip]), reports.shown_label(Path(str(scored.filepath[clip])).name, 48)
        unseen = "did not see this clip" if record.get("ungrouped") else "saw no clip of its group"
        text = f"{name}: predicted {label} ({words}), explained by its fold's model ({kinds[row]}), which {unseen}"
        figures.append(
            _Drawn(f"explanation_waterfall_{number}", f"{text}.", reports.waterfall_figure(explanation, row, label, subtitle=wrapped(text, 92)))
        )
    return [(drawn.name, drawn.caption, reports.figure_png(drawn.figure)) for drawn in figures]


def _summaries(explanation: Explanation, who: str, classes: list[str]) -> list[_Drawn]:
    subtitle = wrapped(who, 100)
    bars = reports.bar_figure(explanation, subtitle=subtitle)
    figures = [_Drawn("explanation_bar", f"Mean size of the contributions over all classes. {who}.", bars)]
    for number, label in enumerate(classes, start=1):
        if explanation.values[:, :, number - 1].any():
            figure = reports.beeswarm_figure(explanation, label, subtitle=subtitle)
            figures.append(_Drawn(f"explanation_beeswarm_{number}", f"One point a clip: what moves the score of “{label}”. {who}.", figure))
    return figures


def _who(found: Explained, record: dict[str, Any], scored: Scored, alike: NDArray[np.int64]) -> str:
    """Return whose clips a summary shows, and by which models."""
    name, of = record["explanations"]["candidate"], record["explanations"]["of_folds"]
    own, count = (len(np.unique(scored.fold[rows])) for rows in (found.row[alike], found.row))
    if own < count:
        return f"{len(alike)} held-out clips of the {own} of {count} explained folds that chose {name}, each by its own fold's model"
    return f"{len(alike)} held-out clips of {f'all {of} folds' if count == of else f'{count} of {of} folds'}, each by its own fold's model ({name})"


def _examples(found: Explained, scored: Scored, kinds: NDArray[np.str_]) -> list[tuple[int, str]]:
    """Return the explained clip of greatest confidence that was right, and the one that was wrong, with words about them."""
    predicted, label, confidence = (np.asarray(values)[found.row] for values in (scored.predicted, scored.label, scored.confidence))
    examples = []
    for right in (True, False):
        rows = np.flatnonzero((kinds != "") & np.isin(predicted, found.classes) & ((predicted == label) == right))
        if len(rows):
            row = int(rows[np.argmax(confidence[rows])])
            examples.append((row, f"{'right' if right else f'wrong: it is {label[row]}'}, confidence {shown_share(float(confidence[row]))}"))
    return examples


def explanation_words(record: dict[str, Any]) -> str:
    """Return what the report says of its explanations: whose models they are, and what contributions add up to."""
    about, kinds = record["explanations"], _candidates(record)
    final = record.get("final", {}).get("candidate", about["candidate"])
    text = f"{about['rows']} held-out clips, from {len(about['folds'])} of {about['of_folds']} folds. "
    if len(kinds) == 1:
        text += f"Each is explained by the {about['candidate']} that its own fold fitted, which never saw the clip"
    else:
        counted = _listed([f"{name} in {len(kind['folds'])} ({kind['rows']} clips)" for name, kind in kinds.items()])
        text += f"Each is explained by the model that its own fold chose and fitted, which predicted the clip and never saw it: {counted}"
    text += f"; the final model in the model file{'' if list(kinds) == [final] else f' ({final})'} saw all of them and explains none here. "
    outputs = {name: _OUTPUTS.get(kind["output"], str(kind["output"])) for name, kind in kinds.items()}
    if len(set(outputs.values())) == 1:
        text += f"Contributions add up, from the base value, to the {outputs[about['candidate']]} before calibration."
    else:
        text += f"Contributions add up, from the base value, to the {_listed([f'{output} of {name}' for name, output in outputs.items()])}"
        text += ", before calibration: two scales."
    if len(kinds) > 1:
        share = f"{kinds[about['candidate']]['chosen_in_folds']} of {about['of_folds']} folds"
        text += f" Bars and swarms are of {about['candidate']} alone, the choice of {share}; the way of a single clip names its own model."
    if others := sorted(set(map(str, record["chosen_in_folds"])) - set(kinds)):
        text += f" Folds that chose {_listed(others)} are not shown."
    return text


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
