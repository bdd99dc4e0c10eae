"""What ensembles of named classifiers of any kind share: their parameters, checks and fitted members."""

from __future__ import annotations

from typing import Any

from sklearn.base import is_classifier, is_regressor
from sklearn.utils import Bunch, get_tags
from sklearn.utils.metaestimators import _BaseComposition

from ..exceptions import InvalidInputError


def is_dropped(model: Any) -> bool:
    """Return whether a member is left out."""
    return isinstance(model, str) and model == "drop"


class Members(_BaseComposition):  # type: ignore[misc]  # scikit-learn has no type information
    """An ensemble with ``estimators``, a list of (name, classifier)."""

    estimators: Any

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return parameters; with ``deep`` also ``name`` and ``name__parameter`` of the classifiers."""
        params: dict[str, Any] = self._get_params("estimators", deep=deep)
        return params

    def set_params(self, **params: Any) -> Any:
        """Set parameters, ``name__parameter`` those of a classifier, ``name`` a classifier itself."""
        self._set_params("estimators", **params)
        return self

    @property
    def named_estimators(self) -> Any:
        """The unfitted classifiers by name."""
        return Bunch(**dict(self.estimators))

    def _members(self, caller: str) -> list[tuple[str, Any]]:
        """Return the classifiers that are not dropped, after checking all."""
        if not isinstance(self.estimators, (list, tuple)) or not self.estimators:
            raise InvalidInputError(f"estimators of {caller} must be a non-empty list of (name, estimator); got {self.estimators!r:.80}")
        try:
            names, models = zip(*self.estimators, strict=True)
            self._validate_names(names)
        except (TypeError, ValueError) as error:
            raise InvalidInputError(f"estimators of {caller} must be a list of (name, estimator) with names of their own; got: {error}") from error
        for model in models:
            usable = not isinstance(model, type) and hasattr(model, "fit") and (is_classifier(model) or hasattr(model, "predict"))
            if not is_dropped(model) and not usable:
                raise InvalidInputError(f"estimators of {caller} must be classifiers or 'drop'; got {model!r:.80}")
            if not is_dropped(model) and is_regressor(model):
                raise InvalidInputError(f"estimators of {caller} must be classifiers (each should be a classifier); got {type(model).__name__}")
        kept = [(name, model) for name, model in self.estimators if not is_dropped(model)]
        if not kept:
            raise InvalidInputError(f"estimators of {caller} must be at least one that is not dropped; all are 'drop'")
        return kept

    def _keep_fitted(self, kept: list[tuple[str, Any]], models: list[Any]) -> None:
        self.estimators_ = models
        fitted = dict(zip([name for name, _ in kept], models, strict=True))
        self.named_estimators_ = Bunch(**{name: fitted.get(name, "drop") for name, _ in self.estimators})
        self.__dict__.pop("feature_names_in_", None)
        if hasattr(models[0], "feature_names_in_"):
            self.feature_names_in_ = models[0].feature_names_in_

    @property
    def n_features_in_(self) -> int:
        """The number of columns that the members were fitted on."""
        models = self.__dict__.get("estimators_", [])
        if not models:
            raise AttributeError(f"{type(self).__name__} object has no attribute n_features_in_")
        return int(models[0].n_features_in_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        models = [model for _, model in self.estimators if not is_dropped(model)] if isinstance(self.estimators, (list, tuple)) else []
        tags.input_tags.allow_nan = bool(models) and all(get_tags(model).input_tags.allow_nan for model in models)
        tags.input_tags.sparse = bool(models) and all(get_tags(model).input_tags.sparse for model in models)
        return tags
