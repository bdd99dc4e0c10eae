"""The best recognition that the package's features and models give for speakers that no part of a model has heard, with and without enrolment.

The rules:

- Leave-one-speaker-out; unweighted average recall pooled over all clips; intervals over speakers. Everything that learns is fitted on the training
  speakers of a fold: scaling, models, normalisation. Augmented copies are made of training clips alone.
- The strength of the L2 penalty of a logistic regression (`STRENGTHS`, relative to the columns) is chosen in each fold by log loss on inner folds
  that hold out one more speaker each. Models with copies or with enrolment take the strength of the plain model of their columns.
- Copies are other voices in other rooms at other levels (`VOICES`): pitch, formants and tempo as far from the clip as one speaker is from another.
  Without enrolment each clip is changed by itself; with enrolment all clips of a speaker alike, so that the copies are the clips of virtual
  speakers. Figures of other recipes, measured before, are in ``docs/accuracy.md``.
- "vote" is the mean of the probabilities of the logistic regressions on both sets of columns; nothing is chosen in it.
  "chosen" is one set of columns or the vote, whichever had the least log loss on the inner folds of the fold's plain models.
- With enrolment, each clip of the test speaker is normalised by 0, 1, 2, 4, 8 or all of the speaker's other clips, drawn without looking at labels
  (`DRAWS` draws), by `SpeakerNormalizer` with both kinds of training rows, without copies and with virtual speakers. **This uses audio of the
  test speakers.** Gains are paired over speakers: against no clip, and against the plain scaler that knows of no speakers.

A linear model with an L2 penalty is fitted on coordinates of the rows in the space that the training rows span: the same model as on the columns.

``python benchmarks/best_voice.py [--corpus NAME …] [--data ../shared/data] [--cache DIR]`` writes benchmarks/results/best_voice.json, keeping the
rows of corpora that are not named. ``python benchmarks/tables.py`` makes the tables of ``docs/accuracy.md`` of it.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from protocol import RESULTS, describe_machine, package_version, unweighted_average_recall
from scipy import stats

import emotion_native as en
from emotion_native.audio.augment import Recipe
from emotion_native.linear_model import LogisticRegression
from emotion_native.metrics import speaker_interval
from emotion_native.preprocessing import SpeakerNormalizer, StandardScaler

# openSMILE's eGeMAPS (88 columns) and ComParE (6373): standard scaler, multinomial logistic regression, the same clips and folds.
REFERENCE = {"ravdess": {"egemaps": 0.460, "full": 0.521}, "emodb": {"egemaps": 0.820, "full": 0.880}, "emovo": {"egemaps": 0.304, "full": 0.260}}
VOICES = Recipe(
    probability=0.8, snr_db=(10.0, 40.0), gain_db=(-12.0, 12.0), speed=(0.85, 1.18), semitones=(-4.0, 4.0), rt60_s=(0.1, 0.4), bands_hz=()
)
N_COPIES = 3
STRENGTHS = (1.0, 10.0, 100.0, 1000.0)  # C times the number of columns
COUNTS: tuple[int | str, ...] = (0, 1, 2, 4, 8, "all")
DRAWS = 3
VIEWS = ("egemaps", "full")


@dataclass(frozen=True)
class Corpus:
    """Features of clips, those of their copies by clip and as virtual speakers (rows, copies, columns), labels and speakers as numbers."""

    X: dict[str, np.ndarray]
    copies: dict[str, np.ndarray]
    virtual: dict[str, np.ndarray]
    y: np.ndarray
    speaker: np.ndarray

    @property
    def classes(self) -> int:
        return int(self.y.max()) + 1

    @property
    def speakers(self) -> int:
        return int(self.speaker.max()) + 1


def read(corpus: str, data: Path, cache: Path, n_jobs: int, copies_too: bool = True) -> Corpus:
    """Return the rows of a corpus, from the cache where it has them."""
    manifest = getattr(en.datasets, corpus)(data / corpus)
    # The clips proper; beside them lie originals of a few of the same takes, and videos.
    manifest = manifest[manifest["filepath"].astype(str).str.endswith(".flac")].reset_index(drop=True)
    egemaps, full = en.audio.feature_names("egemaps"), en.audio.feature_names("full")
    assert full[: len(egemaps)] == egemaps
    probe = en.audio.functionals(np.sin(np.arange(16000) ** 1.3 / 50).astype(np.float32), 16000, "full")  # changes with the definition of a column
    key = hashlib.sha256(probe.tobytes() + repr((full, VOICES, N_COPIES, "speaker")).encode()).hexdigest()[:16]
    file = cache / f"{corpus}-{key}{'' if copies_too else '-clips'}.npz"
    n_copies = N_COPIES if copies_too else 0
    if not file.exists():
        table = en.features.extract(manifest, features=["full"], n_jobs=n_jobs, cache=False)
        assert all(table.ok)
        options = {"n_copies": N_COPIES, "recipe": VOICES, "features": "full", "random_state": 1, "n_jobs": n_jobs}
        kinds = {"copies": "clip", "virtual": "speaker"}
        made = {name: en.augmentation.augmented_features(manifest, per=per, **options).X if n_copies else table.X[:0] for name, per in kinds.items()}
        np.savez(file, X=table.X, **{name: values.reshape(len(manifest), n_copies, len(full)) for name, values in made.items()})
    stored = np.load(file)
    X, copies, virtual = (stored[name].astype(np.float64) for name in ("X", "copies", "virtual"))
    y, speaker = (np.unique(manifest[name].to_numpy().astype(str), return_inverse=True)[1] for name in ("label", "speaker"))
    n = len(egemaps)
    return Corpus(*({"egemaps": values[..., :n], "full": values} for values in (X, copies, virtual)), y, speaker)


def spanned(rows: np.ndarray, tests: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return coordinates of all rows in the space that the training rows span, where that is smaller than the number of columns."""
    if rows.shape[1] <= rows.shape[0]:
        return rows, tests
    values, vectors = np.linalg.eigh(rows @ rows.T)
    kept = values > values[-1] * 1e-10
    lengths = np.sqrt(values[kept])
    basis = rows.T @ (vectors[:, kept] / lengths)
    return vectors[:, kept] * lengths, [test @ basis for test in tests]


def logistic(rows: np.ndarray, y: np.ndarray, tests: list[np.ndarray], strengths: tuple[float, ...]) -> list[list[np.ndarray]]:
    """Return for each strength the probabilities of each test table."""
    columns = rows.shape[1]
    if len(strengths) > 1:  # the coordinates cost more than one fit
        rows, tests = spanned(rows, tests)
    found = []
    for strength in strengths:
        model = LogisticRegression(C=strength / columns, max_iter=2000, class_weight="balanced").fit(rows, y)
        found.append([model.predict_proba(test) for test in tests])
    return found


def scaled(rows: np.ndarray, tests: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return all rows scaled by the training rows."""
    scaler = StandardScaler().fit(rows)
    return scaler.transform(rows), [scaler.transform(test) for test in tests]


def log_loss(y: np.ndarray, proba: np.ndarray) -> float:
    """Return the log loss, each class counted alike."""
    weight = 1 / np.bincount(y)[y]
    return float(np.average(-np.log(np.clip(proba[np.arange(len(y)), y], 1e-12, 1)), weights=weight))


def plain(corpus: Corpus, view: str) -> tuple[np.ndarray, list[float], np.ndarray]:
    """Return out-of-fold probabilities of the plain logistic regression, the strength that the inner folds of each speaker chose, and what they said.

    A model that was fitted without two speakers is an inner one of both. The last result is (speakers, rows, classes): the rows of the others.
    """
    X, y, n = corpus.X[view], corpus.y, corpus.speakers
    outer = np.zeros((len(STRENGTHS), len(y), corpus.classes))
    inner = np.zeros((n, *outer.shape))
    for held in [*((one,) for one in range(n)), *itertools.combinations(range(n), 2)]:
        test = np.isin(corpus.speaker, held)
        rows, (tests,) = scaled(X[~test], [X[test]])
        proba = np.array([one[0] for one in logistic(rows, y[~test], [tests], STRENGTHS)])
        if len(held) == 1:
            outer[:, test] = proba
        else:
            for own, other in (held, held[::-1]):
                inner[own][:, corpus.speaker == other] = proba[:, corpus.speaker[test] == other]
    found, strengths, chosen = np.zeros(outer.shape[1:]), [], []
    for own in range(n):
        train = corpus.speaker != own
        best = int(np.argmin([log_loss(y[train], one[train]) for one in inner[own]]))
        found[~train] = outer[best][~train]
        strengths.append(STRENGTHS[best])
        chosen.append(inner[own][best])
    return found, strengths, np.array(chosen)


def choices(corpus: Corpus, inner: dict[str, np.ndarray]) -> list[str]:
    """Return, for each speaker, the columns or the vote with the least log loss on the inner folds of the others."""
    said = {**inner, "vote": (inner["egemaps"] + inner["full"]) / 2}
    best = []
    for own in range(corpus.speakers):
        train = corpus.speaker != own
        best.append(min(said, key=lambda name, own=own, train=train: log_loss(corpus.y[train], said[name][own][train])))
    return best


def by_choice(corpus: Corpus, models: dict[str, np.ndarray], best: list[str], kind: str) -> np.ndarray:
    """Return the probabilities of the choice of each speaker."""
    found = np.empty_like(models["vote"])
    for own, name in enumerate(best):
        rows = corpus.speaker == own
        found[rows] = models[f"{name}{kind}"][rows]
    return found


def trained_on(corpus: Corpus, view: str, own: int, copies: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows of all speakers but one, with their copies: rows, labels, speakers and voices."""
    train = corpus.speaker != own
    tables = [corpus.X[view][train], *(copies[train, k] for k in range(copies.shape[1]))]
    n = len(tables)
    return np.concatenate(tables), np.tile(corpus.y[train], n), np.tile(corpus.speaker[train], n), np.repeat(np.arange(n), train.sum())


def with_copies(corpus: Corpus, view: str, strengths: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities of models that train with copies: of the clips, and their means over the clips and their copies."""
    X, copies = corpus.X[view], corpus.copies[view]
    alone, together = np.zeros((2, len(X), corpus.classes))
    for own in range(corpus.speakers):
        test = corpus.speaker == own
        rows, labels, _, _ = trained_on(corpus, view, own, copies)
        rows, tests = scaled(rows, [X[test], *(copies[test, k] for k in range(N_COPIES))])
        said = logistic(rows, labels, tests, (strengths[own] / (1 + N_COPIES),))[0]
        alone[test], together[test] = said[0], np.mean(said, axis=0)
    return alone, together


def enrolled(corpus: Corpus, view: str, strengths: list[float], training: str, copies: bool) -> dict[int | str, np.ndarray]:
    """Return, for each number of enrolment clips, the probabilities of each draw (draws, rows, classes)."""
    X, speaker = corpus.X[view], corpus.speaker
    draws = {count: 1 if count in (0, "all") else DRAWS for count in COUNTS}
    found = {count: np.zeros((draws[count], len(X), corpus.classes)) for count in COUNTS}
    for own in range(corpus.speakers):
        test = speaker == own
        virtual = corpus.virtual[view] if copies else corpus.virtual[view][:, :0]
        rows, labels, who, voice = trained_on(corpus, view, own, virtual)
        normalizer = SpeakerNormalizer(training=training)
        rows = normalizer.fit_transform(rows, speaker=who, voice=voice)
        tests = []
        for count in COUNTS:
            for seed in range(draws[count]):
                order = np.random.default_rng(seed).permutation(test.sum())  # another order of the rows draws other clips
                tests.append(normalizer.set_params(enrolment=count).transform(X[test][order], speaker=speaker[test])[np.argsort(order)])
        said = iter(logistic(rows, labels, tests, (strengths[own] / (1 + N_COPIES if copies else 1),))[0])
        for count in COUNTS:
            for seed in range(draws[count]):
                found[count][seed][test] = next(said)
    return found


def own_recalls(corpus: Corpus, proba: np.ndarray) -> np.ndarray:
    """Return each speaker's mean recall over the labels that the speaker has, mean over draws."""
    recalls = np.zeros((len(proba), corpus.speakers))
    for draw, one in enumerate(proba):
        right = one.argmax(axis=1) == corpus.y
        for own in range(corpus.speakers):
            rows = corpus.speaker == own
            recalls[draw, own] = np.mean([right[rows & (corpus.y == label)].mean() for label in np.unique(corpus.y[rows])])
    return recalls.mean(axis=0)


def difference(corpus: Corpus, proba: np.ndarray, base: np.ndarray) -> dict[str, float]:
    """Return the mean gain over speakers with Student's interval."""
    gain = own_recalls(corpus, proba) - own_recalls(corpus, base)
    half = float(stats.t.ppf(0.975, len(gain) - 1) * gain.std(ddof=1) / np.sqrt(len(gain)))
    return {"mean": float(gain.mean()), "low": float(gain.mean()) - half, "high": float(gain.mean()) + half}


def score(corpus: Corpus, proba: np.ndarray) -> dict[str, float]:
    """Return the pooled recall, mean over draws, with the interval over speakers of the first draw."""
    interval = speaker_interval("balanced_accuracy", corpus.y, proba[0].argmax(axis=1), corpus.speaker, labels=np.arange(corpus.classes))
    recall = float(np.mean([unweighted_average_recall(corpus.y, one.argmax(axis=1)) for one in proba]))
    return {"recall": recall, "low": interval.low, "high": interval.high}


def measure(name: str, corpus: Corpus) -> dict[str, Any]:
    """Return the figures of one corpus."""
    models: dict[str, np.ndarray] = {}
    strengths: dict[str, list[float]] = {}
    inner: dict[str, np.ndarray] = {}
    for view in VIEWS:
        models[view], strengths[view], inner[view] = plain(corpus, view)
    best = choices(corpus, inner)
    models["vote"] = (models["egemaps"] + models["full"]) / 2
    models["chosen"] = by_choice(corpus, models, best, "")
    have_copies = corpus.copies["full"].shape[1] > 0
    for view in VIEWS if have_copies else ():
        models[f"{view} copies"], models[f"{view} copies averaged"] = with_copies(corpus, view, strengths[view])
    for kind in ("copies", "copies averaged") if have_copies else ():
        models[f"vote {kind}"] = (models[f"egemaps {kind}"] + models[f"full {kind}"]) / 2
        models[f"chosen {kind}"] = by_choice(corpus, models, best, f" {kind}")
    rows = []
    for model, proba in models.items():
        base = model.split(" ")[0]
        gain = difference(corpus, proba[None], models[base][None]) if base in models and base != model else None
        rows.append({"model": model, **score(corpus, proba[None]), "gain_over_plain": gain})
        print(f"{name:8s} {model:24s} {rows[-1]['recall']:.3f}", flush=True)
    curves = []
    for training, copies in (("mixed", False), ("all", False), ("mixed", True), ("all", True))[: 4 if have_copies else 2]:
        said = {view: enrolled(corpus, view, strengths[view], training, copies) for view in VIEWS}
        both = {count: (said["egemaps"][count] + said["full"][count]) / 2 for count in COUNTS}
        for model, proba, scaler in (*((view, said[view], models[view]) for view in VIEWS), ("vote", both, models["vote"])):
            points = []
            for count in COUNTS:
                own = score(corpus, proba[count])
                gains = {"gain": difference(corpus, proba[count], proba[0]), "gain_over_plain": difference(corpus, proba[count], scaler[None])}
                points.append({"clips": count, **own, **gains})
            curves.append({"model": model, "training": training, "copies": copies, "points": points})
            shown = " ".join(f"{point['clips']}: {point['recall']:.3f}" for point in points)
            print(f"{name:8s} {model:8s} {training:6s} {'copies' if copies else '      '} {shown}", flush=True)
    shape = {"clips": len(corpus.y), "speakers": corpus.speakers, "classes": corpus.classes}
    return {"corpus": name, **shape, "reference": REFERENCE[name], "strengths": strengths, "chosen": best, "models": rows, "enrolment": curves}


def main() -> int:
    """Run the corpora and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = Path(__file__).resolve().parents[2] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=shared, help="folder with one folder a corpus")
    parser.add_argument("--corpus", nargs="+", choices=list(REFERENCE), default=list(REFERENCE))
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "emotion-native-best-voice", help="folder that keeps features")
    parser.add_argument("--without-copies", action="store_true", help="leave the copies out: a quarter of the time")
    parser.add_argument("--n-jobs", type=int, default=2)
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    path = RESULTS / "best_voice.json"
    kept = {row["corpus"]: row for row in json.loads(path.read_text())["corpora"]} if path.exists() else {}
    for name in arguments.corpus:
        kept[name] = measure(name, read(name, arguments.data, arguments.cache, arguments.n_jobs, not arguments.without_copies))
        versions = {package: package_version(package) for package in ("emotion-native", "numpy")}
        result = {"corpora": [kept[one] for one in REFERENCE if one in kept], "copies": N_COPIES, "draws": DRAWS, "versions": versions}
        path.write_text(json.dumps({**result, "machine": describe_machine()}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
