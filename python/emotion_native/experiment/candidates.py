"""The pipelines that a run compares, built from its settings."""

from __future__ import annotations

from typing import Any

from .settings import Settings

__all__ = ["build_candidates", "build_pipeline"]


def build_pipeline(kind: str, settings: Settings) -> Any:
    """Return the unfitted pipeline of one candidate.

    Order: oversampling, then (for the logistic regression) scaling, then selection, then the classifier; each learns from the training rows
    of its fold alone. The forests get no scaler: scales of columns mean nothing to trees.
    """
    from ..feature_selection import SelectKBest
    from ..over_sampling import RandomOverSampler
    from ..pipeline import Pipeline
    from ..preprocessing import StandardScaler

    steps: list[tuple[str, Any]] = []
    if kind == "logistic":
        steps.append(("scale", StandardScaler()))
    if settings.over_sampling:
        steps.append(("over_sample", RandomOverSampler(random_state=settings.seed)))
    if settings.select_k_best is not None:
        steps.append(("select", SelectKBest(k=settings.select_k_best)))
    steps.append(("classify", _classifier(kind, settings)))
    return Pipeline(steps)


def _classifier(kind: str, settings: Settings) -> Any:
    if kind == "forest":
        from ..ensemble import RandomForestClassifier

        return RandomForestClassifier(random_state=settings.seed, n_jobs=settings.n_jobs, **settings.forest.model_dump())
    if kind == "extra_trees":
        from ..ensemble import ExtraTreesClassifier

        return ExtraTreesClassifier(random_state=settings.seed, n_jobs=settings.n_jobs, **settings.extra_trees.model_dump())
    from ..linear_model import LogisticRegression

    return LogisticRegression(**settings.logistic.model_dump())


def build_candidates(settings: Settings) -> dict[str, Any]:
    """Return the candidates by name, in the order of the settings."""
    return {kind: build_pipeline(kind, settings) for kind in settings.model}
