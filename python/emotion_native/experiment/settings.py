"""The settings of a training run: one flat list of names, the same in a YAML file, in the environment, as flags and in Python."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

if TYPE_CHECKING:
    from ..audio import QualityRule
    from ..audio.augment import Recipe

__all__ = [
    "AugmentationSettings",
    "EnsembleSettings",
    "ExtraTreesSettings",
    "ForestSettings",
    "GradientBoostingSettings",
    "LogisticSettings",
    "QualitySettings",
    "Settings",
    "SmoteSettings",
    "set_names",
]

Share = Annotated[float, Field(gt=0.0, le=1.0)]
Rate = Annotated[float, Field(gt=0.0, lt=1.0)]
GroupKey = Literal["speaker", "recording", "content"]
Member = Literal["forest", "extra_trees", "gradient_boosting", "logistic"]
Candidate = Literal[Member, "ensemble"]
Sampling = Literal["random_over", "smote", "borderline_smote", "random_under", "none"]
Seed = Annotated[int, Field(ge=0, le=2**64 - 1)]
FeatureSet = Literal["classic", "egemaps", "full", "quality"]


def _once(names: list[str], what: str) -> list[str]:
    if len(set(names)) != len(names):
        raise ValueError(f"a list that names each {what} once")
    return names


def set_names(texts: Iterable[str]) -> list[str]:
    """Return the feature sets that texts of a user name: joined by "+", as model files name them, or by commas.

    Examples
    --------
    >>> set_names(["classic, egemaps+quality"])
    ['classic', 'egemaps', 'quality']
    """
    return [name.strip() for text in texts for name in re.split("[+,]", text) if name.strip()]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ForestSettings(_Section):
    """The random forest's parameters, named as in `emotion_native.ensemble.RandomForestClassifier`."""

    n_estimators: int = Field(default=300, ge=1, le=100_000, description="number of trees")
    criterion: Literal["gini", "entropy"] = Field(default="gini", description="impurity that a split lowers")
    max_depth: int | None = Field(default=None, ge=1, description="greatest depth of a tree; null: no bound")
    min_samples_leaf: int = Field(default=1, ge=1, description="fewest rows in a leaf")
    max_features: Literal["sqrt", "log2"] | int | float = Field(default="sqrt", description="columns tried at a split: a rule, a count or a share")


class ExtraTreesSettings(ForestSettings):
    """The extra trees' parameters, named as in `emotion_native.ensemble.ExtraTreesClassifier`."""


class GradientBoostingSettings(_Section):
    """Gradient boosting's parameters, named as in `emotion_native.ensemble.GradientBoostingClassifier`."""

    n_estimators: int = Field(default=100, ge=1, le=100_000, description="most rounds")
    learning_rate: float = Field(default=0.1, gt=0.0, description="factor of every leaf")
    max_depth: int | None = Field(default=3, ge=1, description="greatest depth of a tree; null: no bound")
    max_leaf_nodes: int | None = Field(default=None, ge=2, description="most leaves of a tree, grown best first; null: no bound")
    min_samples_leaf: int = Field(default=1, ge=1, description="fewest rows in a leaf")
    subsample: Share = Field(default=1.0, description="share of the rows that a round draws")
    max_features: Literal["sqrt", "log2"] | int | float | None = Field(default=None, description="columns tried at a split; null: all")
    l2_regularization: float = Field(default=0.0, ge=0.0, description="L2 penalty of leaves")
    n_iter_no_change: int | None = Field(
        default=None, ge=1, description="stop when whole groups held out of the training part gain nothing in so many rounds; null: never"
    )
    validation_fraction: float = Field(
        default=0.1, gt=0.0, lt=1.0, description="share of the training rows that early stopping holds out, in whole groups"
    )


class SmoteSettings(_Section):
    """Parameters of both kinds of SMOTE, named as in `emotion_native.over_sampling.BorderlineSMOTE`."""

    k_neighbors: int = Field(default=5, ge=1, description="neighbours that a synthetic row is drawn towards")
    m_neighbors: int = Field(default=10, ge=1, description="neighbours that tell a row near the border; `borderline_smote` only")
    within: Literal["speaker"] | None = Field(default=None, description="`speaker`: only neighbours of the same speaker, so that no row mixes two")


class LogisticSettings(_Section):
    """The logistic regression's parameters, named as in `emotion_native.linear_model.LogisticRegression`."""

    C: float = Field(default=0.1, gt=0.0, description="inverse strength of the L2 penalty")
    max_iter: int = Field(default=1000, ge=1, description="greatest number of solver steps")


class QualitySettings(_Section):
    """When a recording is too poor, named as in `emotion_native.audio.QualityRule`; the first limit that a clip breaks is its reason."""

    action: Literal["flag", "drop", "off"] = Field(
        default="flag", description="`flag`: keep the clip, say and count why it is doubtful; `drop`: not learned from, wrong and unanswered; `off`"
    )
    least_duration_s: float = Field(default=0.25, description="`too_short` below, in seconds")
    least_peak_dbfs: float = Field(default=-80.0, description="`silent` below, in dB of full scale")
    least_speech_s: float = Field(default=0.2, description="`no_speech` below, in seconds")
    least_speech_ratio: float = Field(default=0.1, description="`little_speech` below, share of the clip")
    most_clipped_ratio: float = Field(default=0.02, description="`clipped` above, share of the samples")
    least_snr_db: float = Field(default=0.0, description="`noisy` below, signal-to-noise ratio in dB")

    def rule(self) -> QualityRule:
        """Return the rule that these settings are."""
        from ..audio import QualityRule

        return QualityRule(**self.model_dump())

    @model_validator(mode="after")
    def _as_a_rule(self) -> QualitySettings:
        self.rule()
        return self


class EnsembleSettings(_Section):
    """The soft vote of several kinds of models, as `emotion_native.calibration.SoftEnsemble`."""

    members: list[Member] = Field(
        default=["forest", "gradient_boosting", "logistic"], min_length=2, description="models whose probabilities are averaged"
    )
    n_best: int | None = Field(default=None, ge=1, description="only so many of them, the best on the inner folds of each training part; null: all")

    @field_validator("members")
    @classmethod
    def _each_once(cls, names: list[str]) -> list[str]:
        return _once(names, "member")

    @model_validator(mode="after")
    def _enough(self) -> EnsembleSettings:
        if self.n_best is not None and self.n_best > len(self.members):
            raise ValueError("n_best must be at most the number of members")
        return self


class AugmentationSettings(_Section):
    """Augmented copies of training clips, named as in `emotion_native.audio.augment.Recipe`; bounds are ``[lowest, highest]``."""

    copies: int = Field(default=0, ge=0, le=100, description="augmented copies of each training clip, inside the training folds only; 0: none")
    per: Literal["clip", "speaker"] | None = Field(
        default=None,
        description="`clip`: each copy is changed by itself; `speaker`: those of one number of a speaker's clips alike, as if another person spoke; "
        "null: `speaker` with `speaker_normalization`, else `clip`",
    )
    probability: float = Field(default=0.5, description="of each change by itself")
    snr_db: tuple[float, float] | None = Field(default=(5.0, 30.0), description="signal-to-noise ratio of added noise in dB; null: no noise")
    gain_db: tuple[float, float] | None = Field(default=(-6.0, 6.0), description="gain in dB; null: none")
    speed: tuple[float, float] | None = Field(default=(0.9, 1.1), description="speed, pitch and tempo together; null: unchanged")
    semitones: tuple[float, float] | None = Field(default=(-1.0, 1.0), description="pitch shift at the same tempo, in semitones; null: none")
    rt60_s: tuple[float, float] | None = Field(default=(0.1, 0.6), description="reverberation time of synthetic rooms in seconds; null: no rooms")
    bands_hz: tuple[tuple[float, float], ...] = Field(
        default=((300.0, 3400.0), (50.0, 7000.0)), max_length=100, description="bands of which one is kept; empty: no band limits"
    )
    seed: Seed | None = Field(default=None, description="seed of the copies; null: `seed`")

    def recipe(self) -> Recipe:
        """Return what may be done to a clip."""
        from ..audio.augment import Recipe

        return Recipe(**self.model_dump(exclude={"copies", "seed", "per"}))

    @model_validator(mode="after")
    def _as_a_recipe(self) -> AugmentationSettings:
        self.recipe()
        return self


class Settings(_Section):
    """Everything that decides the result of `emotion_native.experiment.train`.

    Parameters are keyword-only; each has a default. The table of names, types, defaults and meanings is in ``docs/reference/settings.md``.

    Raises
    ------
    pydantic.ValidationError
        If a value breaks its rule. `emotion_native.experiment.load_settings` turns that into an `InvalidInputError` that names the source.

    Examples
    --------
    >>> from emotion_native.experiment import Settings
    >>> Settings(folds=3, model=["forest", "logistic"]).folds
    3
    """

    manifest: str | None = Field(default=None, description="manifest (CSV or Parquet) or feature table to train on")
    output: str = Field(default="./emotion-native-run", description="run folder to make")
    force: bool = Field(default=False, description="replace the run folder if it exists")
    format: list[Literal["emotion", "pkl"]] = Field(default=["emotion"], min_length=1, description="model files to write; `pkl` adds classifier.pkl")
    label_column: Literal["auto", "emotion", "label"] = Field(
        default="auto", description="`emotion` (canonical names), `label` (the corpus's own), or `auto`: emotion where every row has one"
    )
    labels: list[str] = Field(default=[], description="labels to keep; empty: all. Rows with other labels are left out and counted")

    features: list[FeatureSet] = Field(
        default=["classic"], min_length=1, description="feature sets to extract, joined: `classic`, `egemaps`, `full`, `quality`"
    )
    quality: QualitySettings = Field(default=QualitySettings(), description="when a recording is too poor, and what then becomes of it")
    sample_rate_hz: int = Field(default=16_000, ge=4_000, le=192_000, description="sampling rate that clips are brought to")
    cache: bool | str = Field(default=True, description="keep extracted features: true (the user's cache folder), false, or a folder")
    fail_threshold: float = Field(default=0.1, ge=0.0, le=1.0, description="greatest share of clips that may fail before the run is an error")

    test_speakers: list[str] = Field(default=[], description="speakers held out for a second evaluation; they take part in nothing else")
    split_file: str | None = Field(
        default=None, description="CSV with the columns `filepath` or `speaker`, and `split` (`train`, `test` or `unused`)"
    )
    folds: int = Field(default=5, ge=2, le=1_000, description="outer cross-validation folds (fewer when there are fewer groups)")
    leave_one_speaker_out: bool = Field(default=False, description="one outer fold a group instead of `folds`")
    published_folds: str | None = Field(default=None, description="outer folds of a publication instead of `folds`, such as `ravdess/luna-jimenez`")
    folds_file: str | None = Field(
        default=None, description="outer folds from a split file instead of `folds`, such as another run's `folds.split.json`"
    )
    inner_folds: int = Field(default=4, ge=2, le=100, description="inner folds for calibration, thresholds and selection")
    group_by: list[GroupKey] = Field(default=["speaker", "recording", "content"], min_length=1, description="what clips of one group share")
    allow_ungrouped: bool = Field(default=False, description="split rows without groups; every report then says so in its first line")

    model: list[Candidate] = Field(default=["forest"], min_length=1, description="candidates; with several, one is selected inside each outer fold")
    forest: ForestSettings = Field(default=ForestSettings(), description="parameters of the forest")
    extra_trees: ExtraTreesSettings = Field(default=ExtraTreesSettings(), description="parameters of the extra trees")
    gradient_boosting: GradientBoostingSettings = Field(default=GradientBoostingSettings(), description="parameters of gradient boosting")
    logistic: LogisticSettings = Field(default=LogisticSettings(), description="parameters of the logistic regression")
    ensemble: EnsembleSettings = Field(default=EnsembleSettings(), description="the soft vote that the candidate `ensemble` is")
    speaker_normalization: bool = Field(
        default=False, description="normalise columns by other clips of the speaker (enrolment), test speakers' too; reports say so in the first line"
    )
    select_k_best: int | None = Field(default=None, ge=1, description="keep the columns with the highest F statistic in the training fold; null: all")
    augmentation: AugmentationSettings = Field(default=AugmentationSettings(), description="augmented copies of training clips")
    sampling: Sampling = Field(
        default="random_over",
        description="how classes are evened out inside the training folds: `random_over`, `smote`, `borderline_smote`, `random_under` or `none`",
    )
    smote: SmoteSettings = Field(default=SmoteSettings(), description="parameters of both kinds of SMOTE")
    calibration: Literal["temperature", "sigmoid", "isotonic", "none"] = Field(default="temperature", description="calibration method")
    prior_correction: bool = Field(
        default=False, description="take back what `sampling` and class weights did to the shares of the classes, before the calibration"
    )
    target_coverage: Share | None = Field(default=0.9, description="share of clips to answer; the others abstain. null: never abstain")
    target_accuracy: Share | None = Field(default=None, description="accuracy to reach on answered clips, instead of a coverage")
    abstention_cost: Share | None = Field(default=None, description="cost of no answer where a wrong answer costs 1, instead of a coverage")
    out_of_distribution_rate: Rate | None = Field(
        default=None, description="share of a new speaker's clips that may be called unlike the training clips, and get no answer; null: none are"
    )
    selection_metric: Literal["balanced_accuracy", "accuracy", "macro_f1", "weighted_f1", "cohen_kappa", "matthews_corrcoef", "log_loss"] = Field(
        default="balanced_accuracy",
        description="what selects a candidate: `balanced_accuracy` (`uar`), `accuracy`, `macro_f1` (`f1_macro`), `weighted_f1`, `cohen_kappa`, "
        "`matthews_corrcoef` or `log_loss`",
    )

    seed: Seed = Field(default=0, description="seed of everything random")
    repeats: int = Field(default=1, ge=1, le=1_000, description="cross-validate so many times, with the seeds `seed`, `seed` + 1, …")
    seeds: list[Seed] = Field(default=[], description="cross-validate once for each of these seeds instead; the first is `seed`")
    n_jobs: int | None = Field(default=None, description="threads; null: all cores that this process may use. Results do not depend on it")
    background_rows: int = Field(default=64, ge=0, le=10_000, description="training rows kept in the model file for explanations")
    explained_rows: int = Field(default=100, ge=0, le=10_000, description="held-out clips that the report explains; 0: none")

    @model_validator(mode="before")
    @classmethod
    def _one_target(cls, values: Any) -> Any:
        """Let another target alone switch the default coverage off, and the first of several seeds be the seed."""
        others = ("target_accuracy", "abstention_cost")
        if isinstance(values, dict) and any(values.get(name) is not None for name in others) and "target_coverage" not in values:
            values = {**values, "target_coverage": None}
        if isinstance(values, dict) and isinstance(values.get("seeds"), list) and values["seeds"] and "seed" not in values:
            values = {**values, "seed": values["seeds"][0]}
        return values

    @field_validator("format", "labels", "test_speakers", "group_by", "model", mode="before")
    @classmethod
    def _one_name(cls, value: Any) -> Any:
        """Take one text as a list of one."""
        return [value] if isinstance(value, str) else value

    @field_validator("selection_metric", mode="before")
    @classmethod
    def _same_measure(cls, name: Any) -> Any:
        """Take other names of a measure too."""
        from ..metrics._names import same_measure

        return same_measure(name, get_args(cls.model_fields["selection_metric"].annotation))

    @field_validator("features", mode="before")
    @classmethod
    def _joined_sets(cls, value: Any) -> Any:
        """Take one text, and sets joined by "+" or commas (`set_names`)."""
        texts = [value] if isinstance(value, str) else value
        split = isinstance(texts, list) and all(isinstance(text, str) for text in texts)
        return set_names(texts) if split else value

    @field_validator("model", "features")
    @classmethod
    def _each_once(cls, names: list[str], info: ValidationInfo) -> list[str]:
        return _once(names, "candidate" if info.field_name == "model" else "feature set")

    @field_validator("n_jobs")
    @classmethod
    def _some_threads(cls, n_jobs: int | None) -> int | None:
        if n_jobs == 0:
            raise ValueError("a positive or a negative integer, or null")
        return n_jobs

    @field_validator("manifest", "output", "split_file", "folds_file", "cache")
    @classmethod
    def _real_path(cls, path: Any) -> Any:
        if "\0" in str(path):
            raise ValueError("a path without NUL")
        return path

    @field_validator("published_folds")
    @classmethod
    def _known_folds(cls, name: str | None) -> str | None:
        if name is not None:
            from ..model_selection import published_names

            if name not in published_names():
                raise ValueError(f"one of {', '.join(map(repr, published_names()))}")
        return name

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        targets = [name for name in ("target_coverage", "target_accuracy", "abstention_cost") if getattr(self, name) is not None]
        if len(targets) > 1:
            raise ValueError(f"{targets[0]} and {targets[1]} must not both be set")
        if self.test_speakers and self.split_file is not None:
            raise ValueError("test_speakers and split_file must not both be set")
        outer = [name for name in ("leave_one_speaker_out", "published_folds", "folds_file") if getattr(self, name)]
        if len(outer) > 1:
            raise ValueError(f"{outer[0]} and {outer[1]} must not both be set")
        if "ensemble" in self.model and self.prior_correction:
            raise ValueError("prior_correction must be off where model has ensemble: each member would have a correction of its own")
        self._check_seeds()
        self._check_holdout()
        if self.speaker_normalization and self.allow_ungrouped:
            raise ValueError("speaker_normalization must be off where allow_ungrouped is on: it needs to know who speaks")
        if "speaker" not in self.group_by and not self.allow_ungrouped:
            raise ValueError("group_by must contain speaker (allow_ungrouped is the explicit way out)")
        return self

    def _check_seeds(self) -> None:
        if self.seeds and self.repeats > 1:
            raise ValueError("repeats and seeds must not both be set")
        if self.seeds and self.seeds[0] != self.seed:
            raise ValueError("seeds must begin with seed")
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError("seeds must name each seed once")
        if self.seed + self.repeats > 2**64:
            raise ValueError("seed must leave room for the seeds of all repeats below 2**64")

    def _check_holdout(self) -> None:
        """Early stopping holds out whole groups; a synthetic row of two speakers belongs to none."""
        mixing = "smote" in self.sampling and self.smote.within is None and not self.allow_ungrouped
        if mixing and "gradient_boosting" in self.fitted_kinds and self.gradient_boosting.n_iter_no_change is not None:
            raise ValueError("smote.within must be speaker where gradient_boosting has n_iter_no_change: it holds out whole groups")

    @property
    def fitted_kinds(self) -> list[str]:
        """The kinds of models that are fitted: the candidates and the members of the ensemble, in order, each once."""
        members = self.ensemble.members if "ensemble" in self.model else []
        return list(dict.fromkeys([*(kind for kind in self.model if kind != "ensemble"), *members]))

    @property
    def run_seeds(self) -> list[int]:
        """The seed of every repeat, the run's own first."""
        return list(self.seeds) or [self.seed + repeat for repeat in range(self.repeats)]
