"""Our classes under the argument names of a peer's class that has no twin of ours, for scripts/peer_tests; other arguments stay unknown."""

from __future__ import annotations

import inspect
from typing import Any

from emotion_native.ensemble import GradientBoostingClassifier
from emotion_native.exceptions import InvalidInputError

_ROWS_WITHOUT_EARLY_STOPPING = 10_000  # the peer's "auto"


class HistGradientBoostingClassifier(GradientBoostingClassifier):  # type: ignore[misc]  # scikit-learn, its parent's parent, has no types
    """`GradientBoostingClassifier` with the names and defaults of scikit-learn's HistGradientBoostingClassifier."""

    def __init__(
        self,
        loss: str = "log_loss",
        *,
        learning_rate: float = 0.1,
        max_iter: int = 100,
        max_leaf_nodes: int | None = 31,
        max_depth: int | None = None,
        min_samples_leaf: int = 20,
        l2_regularization: float = 0.0,
        max_features: float = 1.0,
        max_bins: int = 255,
        warm_start: bool = False,
        early_stopping: str | bool = "auto",
        scoring: Any = "loss",
        validation_fraction: float = 0.1,
        n_iter_no_change: int | None = 10,
        tol: float = 1e-7,
        verbose: int = 0,
        random_state: Any = None,
        class_weight: Any = None,
    ) -> None:
        super().__init__(
            loss=loss,
            learning_rate=learning_rate,
            n_estimators=max_iter,
            max_leaf_nodes=max_leaf_nodes,
            max_depth=max_depth,
            min_samples_leaf=min_samples_leaf,
            l2_regularization=l2_regularization,
            max_features=max_features,
            max_bins=max_bins,
            warm_start=warm_start,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            tol=tol,
            verbose=verbose,
            random_state=random_state,
            class_weight=class_weight,
        )
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.scoring = scoring

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, groups: Any = None) -> Any:
        """Fit with early stopping where the peer would."""
        if self.scoring != "loss":
            raise InvalidInputError(f"scoring of GradientBoostingClassifier must be 'loss'; got {self.scoring!r}")
        given = self.n_iter_no_change
        stops = len(y) > _ROWS_WITHOUT_EARLY_STOPPING if self.early_stopping == "auto" else self.early_stopping
        self.n_estimators, self.n_iter_no_change = self.max_iter, given if stops else None
        try:
            return super().fit(X, y, sample_weight, groups=groups)
        finally:
            self.n_iter_no_change = given

    def _step(self) -> dict[str, Any]:
        own = dict.fromkeys(name for name in inspect.signature(GradientBoostingClassifier.__init__).parameters if name != "self")
        plain = GradientBoostingClassifier(**{name: getattr(self, name) for name in own})
        step: dict[str, Any] = plain._step()
        return step
