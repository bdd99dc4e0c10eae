"""The pipelines that a run compares, built from its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..augmentation import AugmentedFeatures
    from ..calibration import SoftEnsemble

__all__ = ["build_candidates", "build_chosen", "build_detector", "build_ensemble", "build_pipeline", "ensemble_statement", "sampler_options"]


SCALED_SAMPLERS = ("smote", "borderline_smote")  # distances between rows need columns of one scale


def build_pipeline(kind: str, settings: Settings, copies: AugmentedFeatures | None = None) -> Any:
    """Return the unfitted pipeline of one candidate.

    Order: augmented copies, scaling (for the logistic regression, and before SMOTE, whose neighbours depend on it), then sampling, then
    selection, then the classifier; each learns from the training rows of its fold alone. Otherwise trees get no scaler: scales of columns mean
    nothing to them.
    Normalisation by the speaker takes the scaler's place, for all candidates.
    """
    from ..augmentation import AugmentedCopies
    from ..feature_selection import SelectKBest
    from ..pipeline import Pipeline
    from ..preprocessing import SpeakerNormalizer, StandardScaler

    steps: list[tuple[str, Any]] = []
    if copies is not None:
        steps.append(("augment", AugmentedCopies(copies)))
    if settings.speaker_normalization:
        steps.append(("normalise", SpeakerNormalizer()))
    elif kind == "logistic" or settings.sampling in SCALED_SAMPLERS:
        steps.append(("scale", StandardScaler()))
    if settings.sampling != "none":
        steps.append(("sample", _sampler(settings)))
    if settings.select_k_best is not None:
        steps.append(("select", SelectKBest(k=settings.select_k_best)))
    steps.append(("classify", _classifier(kind, settings)))
    return Pipeline(steps)


def _sampler(settings: Settings) -> Any:
    from ..over_sampling import SMOTE, BorderlineSMOTE, RandomOverSampler
    from ..under_sampling import RandomUnderSampler

    if settings.sampling in SCALED_SAMPLERS:
        kind = SMOTE if settings.sampling == "smote" else BorderlineSMOTE
        return kind(random_state=settings.seed, n_jobs=settings.n_jobs, **sampler_options(settings))
    return (RandomUnderSampler if settings.sampling == "random_under" else RandomOverSampler)(random_state=settings.seed)


def sampler_options(settings: Settings) -> dict[str, Any]:
    """Return the sampler's parameters that settings decide."""
    if settings.sampling not in SCALED_SAMPLERS:
        return {}
    return settings.smote.model_dump(exclude={"m_neighbors"} if settings.sampling == "smote" else None)


def _classifier(kind: str, settings: Settings) -> Any:
    from ..ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier
    from ..linear_model import LogisticRegression

    if kind == "logistic":
        return LogisticRegression(**settings.logistic.model_dump())
    drawn: dict[str, Any] = {"random_state": settings.seed, "n_jobs": settings.n_jobs}
    if kind == "gradient_boosting":
        return GradientBoostingClassifier(allow_ungrouped=settings.allow_ungrouped, **drawn, **settings.gradient_boosting.model_dump())
    if kind == "extra_trees":
        return ExtraTreesClassifier(**drawn, **settings.extra_trees.model_dump())
    return RandomForestClassifier(**drawn, **settings.forest.model_dump())


def build_detector(settings: Settings) -> Any:
    """Return the unfitted detector of clips unlike the training clips, or None."""
    from ..calibration import OutOfDistributionDetector

    if settings.out_of_distribution_rate is None:
        return None
    return OutOfDistributionDetector(false_alarm_rate=settings.out_of_distribution_rate, n_jobs=settings.n_jobs)


def build_candidates(settings: Settings, copies: AugmentedFeatures | None = None) -> dict[str, Any]:
    """Return what is fitted by name, candidates and members of the ensemble, in the order of the settings.

    ``copies`` train along with the rows that they were made of.
    """
    return {kind: build_pipeline(kind, settings, copies) for kind in settings.fitted_kinds}


def build_ensemble(settings: Settings) -> SoftEnsemble | None:
    """Return how candidates vote, or None."""
    from ..calibration import SoftEnsemble

    if "ensemble" not in settings.model:
        return None
    hidden = [kind for kind in settings.ensemble.members if kind not in settings.model]
    return SoftEnsemble(settings.ensemble.members, settings.ensemble.n_best, "ensemble", hidden)


def ensemble_statement(record: Mapping[str, Any]) -> str:
    """Return what the report says of the ensemble; empty where there is none."""
    selection = record.get("selection") or {}
    final, folds = (selection.get("final") or {}).get("members"), [fold.get("members") for fold in selection.get("folds", [])]
    if not final or not all(folds):
        return ""
    counts = {name: sum(name in own for own in folds) for name in dict.fromkeys(name for own in [*folds, final] for name in own)}
    shown = ", ".join(f"{name} in {count}" for name, count in counts.items())
    return f"Ensemble: the mean of the members' probabilities; of {len(folds)} outer folds {shown}, in the final one {', '.join(final)}."


def build_chosen(name: str, members: Sequence[str], settings: Settings, copies: AugmentedFeatures | None = None) -> Any:
    """Return the unfitted candidate of this name; the ensemble is the soft vote of these members."""
    from ..ensemble import VotingClassifier

    built = build_candidates(settings, copies)
    return built[name] if name in built else VotingClassifier([(member, built[member]) for member in members], voting="soft")
