"""ONNX graphs answer as the native runtime does: random rows, rows at thresholds and beside them, NaN, infinities, huge and tiny values."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import emotion_native as en
from emotion_native.exceptions import InvalidInputError, MissingDependencyError, ModelFormatError
from emotion_native.export import _onnx, to_onnx
from emotion_native.export._calibrators import add_calibration
from emotion_native.export._graph import Graph
from emotion_native.export._source import read_model
from emotion_native.export._steps import add_step
from emotion_native.persistence import model_bytes, save_model

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
ort = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")

# The outputs are rounded to float32 (3e-8 of a probability); before that everything is float64, with log and exp of another library.
TOLERANCE = 5e-8
CLOSE = 1e-11  # what those leave of two equal float64

Rows = Any  # float32 arrays of shape (rows, 7)
ESTIMATORS = ["forest", "shallow_forest", "extra_trees", "boosting", "logistic", "one_vs_rest"]
LINEAR = ("logistic", "one_vs_rest")
NAMES = [(e, s, k) for e in ESTIMATORS for s in ("alone", "scaled", "prepared") for k in (2, 4) if s != "alone" or e not in LINEAR]


def run(model: Any, X: Rows) -> dict[str, Any]:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"features": X}), strict=True))


def adversarial_rows(model: Any, X: Rows) -> Rows:
    """Rows whose values are thresholds of the trees, in input columns, and the two float32 beside each; extremes; and NaN where allowed."""
    content = read_model(model, "the test")
    generator = np.random.default_rng(3)
    steps = content.description["steps"]
    last = content.arrays(f"steps.{len(steps) - 1}.")
    rows = [X, generator.normal(size=(200, X.shape[1])).astype(np.float32) * np.float32(50)]
    if "threshold" in last:
        columns, shift, scale = np.arange(X.shape[1]), np.zeros(X.shape[1]), np.ones(X.shape[1])
        for i, step in enumerate(steps[:-1]):
            arrays = content.arrays(f"steps.{i}.")
            if step["kind"] == "select_k_best":
                columns, shift, scale = columns[arrays["columns"]], shift[arrays["columns"]], scale[arrays["columns"]]
            elif step["kind"] == "standard_scaler":
                shift = shift + scale * (arrays["mean"] if step["with_mean"] else 0)
                scale = scale * (arrays["scale"] if step["with_std"] else 1)
        inner = np.flatnonzero(last["feature"] >= 0)
        inner = generator.choice(inner, size=min(400, len(inner)), replace=False)
        feature = last["feature"][inner]
        at = (last["threshold"][inner].astype(np.float64) * scale[feature] + shift[feature]).astype(np.float32)
        for value in (at, np.nextafter(at, np.float32(np.inf)), np.nextafter(at, np.float32(-np.inf))):
            part = X[generator.integers(len(X), size=len(inner))].copy()
            part[np.arange(len(inner)), columns[feature]] = value
            rows.append(part)
    extreme = X[:60].copy()
    values = np.array([0.0, -0.0, 1e-45, -1e-38, *([3e38, -3e38] if "threshold" in last else [1e30, -1e30])], dtype=np.float32)
    extreme[np.arange(60), np.arange(60) % X.shape[1]] = values[np.arange(60) % len(values)]
    rows.append(extreme)
    every = np.concatenate(rows)
    every = every[~np.isinf(every).any(axis=1)]  # a split of present values from missing ones has an infinite threshold
    takes_missing = "threshold" in last or any(step["kind"] == "simple_imputer" for step in steps)
    if takes_missing:
        holes = every.copy()
        holes[generator.random(every.shape) < 0.3] = np.nan
        every = np.concatenate([every, holes, np.full((1, X.shape[1]), np.nan, dtype=np.float32)])
    else:
        every = every[~np.isnan(every).any(axis=1)]
    return every


def infinite_rows(X: Rows) -> Rows:
    """Rows with an infinity; the runtime refuses them, a graph cannot."""
    infinite = X[:40].copy()
    infinite[np.arange(40), np.arange(40) % X.shape[1]] = np.where(np.arange(40) % 2 == 0, np.inf, -np.inf)
    return infinite


def check(model: Any, X: Rows) -> None:
    """Compare every output with the native runtime's."""
    native = en.load_model(model_bytes(model))
    expected = native.predict_features(X)
    got = run(to_onnx(model), X)
    assert got["probabilities"].dtype == np.float32
    np.testing.assert_allclose(got["probabilities"], expected.probabilities, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(got["confidence"], expected.confidence, rtol=0, atol=TOLERANCE)
    ordered = np.sort(expected.probabilities, axis=1)
    clear = ordered[:, -1] - ordered[:, -2] > CLOSE
    assert clear.mean() > 0.5
    assert got["label"][clear].tolist() == expected.labels[clear].tolist()
    if native.threshold is None:
        assert not got["abstained"].any()
    else:
        # A row that lies on the threshold itself, as the row does that gave it, is answered by both.
        away = (expected.confidence >= native.threshold) | (expected.confidence < native.threshold - CLOSE)
        assert away.mean() > 0.95 and 0 < got["abstained"].sum() < len(X)
        assert np.array_equal(got["abstained"][away], expected.abstained[away])
    if "out_of_distribution" in got:
        assert np.array_equal(got["out_of_distribution"], expected.out_of_distribution) and 0 < expected.out_of_distribution.sum() < len(X)
    if "prediction_set" in got:
        assert np.array_equal(got["prediction_set"][clear], native.predict_set(X)[clear])  # sets hold the label
        assert got["prediction_set"].any() and (len(native.classes) == 2 or not got["prediction_set"].all())


@pytest.mark.parametrize(("estimator", "steps", "n_classes"), NAMES)
def test_graphs_answer_as_the_native_runtime(estimator: str, steps: str, n_classes: int, fitted: Any) -> None:
    model, X = fitted(estimator, steps, n_classes)
    check(model, adversarial_rows(model, X))


@pytest.mark.parametrize("method", ["sigmoid", "temperature", "isotonic"])
@pytest.mark.parametrize("estimator", ["forest", "shallow_forest", "extra_trees", "boosting", "logistic"])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_calibration_and_abstention_travel(estimator: str, method: str, n_classes: int, fitted: Any) -> None:
    model, X = fitted(estimator, "prepared", n_classes, method)
    check(model, adversarial_rows(model, X))


@pytest.mark.parametrize("estimator", ["forest", "extra_trees", "boosting"])
@pytest.mark.parametrize("steps", ["alone", "scaled"])
def test_rows_end_in_the_very_same_leaves(estimator: str, steps: str, fitted: Any) -> None:
    """A tree whose leaf weights are numbers of leaves says where a row went, without any rounding."""
    model, X = fitted(estimator, steps, 4)
    rows = np.concatenate([adversarial_rows(model, X), infinite_rows(X)])
    content = read_model(model, "the test")
    graph, value = Graph(), "features"
    for i, header in enumerate(content.description["steps"]):
        arrays = content.arrays(f"steps.{i}.")
        if "threshold" in arrays:
            header, arrays = _numbered(arrays)
        value = add_step(graph, value, header, arrays, 3)
    output = onnx.helper.make_tensor_value_info(value, onnx.TensorProto.DOUBLE, ["rows", len(arrays["tree_offsets"]) - 1])
    inputs = [onnx.helper.make_tensor_value_info("features", onnx.TensorProto.FLOAT, ["rows", rows.shape[1]])]
    made = onnx.helper.make_model(
        onnx.helper.make_graph(graph.nodes[: _last_sum(graph)], "leaves", inputs, [output], graph.initializers),
        ir_version=8,
        opset_imports=[onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("ai.onnx.ml", 3)],
    )
    name = graph.nodes[_last_sum(graph) - 1].output[0]
    del made.graph.output[:]
    made.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    got = ort.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"]).run([name], {"features": rows})[0]
    transformed = rows
    if len(model.steps) == 2:
        scaler = model.steps[0][1]
        with np.errstate(over="ignore", invalid="ignore"):
            transformed = ((rows.astype(np.float64) - scaler.mean_) / scaler.scale_).astype(np.float32)
        finite = np.isfinite(rows).all(axis=1)
        assert np.array_equal(transformed[finite], scaler.transform(rows[finite]))
    assert np.array_equal(got.astype(np.int64), _leaves(arrays, transformed))


def _last_sum(graph: Graph) -> int:
    return 1 + max(i for i, node in enumerate(graph.nodes) if node.op_type == "TreeEnsembleRegressor")


def _numbered(arrays: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """One output a tree, to which each leaf adds its number."""
    trees = len(arrays["tree_offsets"]) - 1
    number = np.arange(len(arrays["feature"])) - np.repeat(arrays["tree_offsets"][:-1], np.diff(arrays["tree_offsets"]))
    changed = {**arrays, "baseline": np.zeros(trees), "value": number[:, np.newaxis].astype(np.float64)}
    return {"kind": "gradient_boosting_classifier"}, changed


def _leaves(arrays: dict[str, Any], X: Rows) -> Any:
    """Walk as the file's format says: value <= threshold to the left, NaN where missing_left sends it."""
    result = np.empty((len(X), len(arrays["tree_offsets"]) - 1), dtype=np.int64)
    for t, offset in enumerate(arrays["tree_offsets"][:-1]):
        at = np.zeros(len(X), dtype=np.int64)
        while True:
            feature = arrays["feature"][offset + at]
            inner = feature >= 0
            if not inner.any():
                break
            value = X[np.arange(len(X)), np.where(inner, feature, 0)]
            left = np.where(np.isnan(value), arrays["missing_left"][offset + at] == 1, value <= arrays["threshold"][offset + at])
            step = np.where(left, arrays["left"][offset + at], arrays["right"][offset + at])
            at = np.where(inner, step, at)
        result[:, t] = at
    return result


def test_rows_with_nan_get_nan_where_nothing_fills_them(fitted: Any) -> None:
    for method in (None, "sigmoid", "temperature", "isotonic"):
        model, X = fitted("logistic", "scaled", 4, method)
        rows = X[:5].copy()
        rows[1, 2] = np.nan
        got = run(to_onnx(model), rows)
        assert np.isnan(got["probabilities"][1]).all() and np.isfinite(got["probabilities"][[0, 2, 3, 4]]).all()
        assert got["abstained"][1]


def _voters() -> list[tuple[str, Any]]:
    from emotion_native.calibration import CalibratedClassifierCV
    from emotion_native.ensemble import GradientBoostingClassifier, RandomForestClassifier
    from emotion_native.linear_model import LogisticRegression
    from emotion_native.pipeline import make_pipeline
    from emotion_native.preprocessing import StandardScaler

    forest = RandomForestClassifier(n_estimators=12, min_samples_leaf=3, random_state=0)
    linear = CalibratedClassifierCV(make_pipeline(StandardScaler(), LogisticRegression()), method="isotonic", cv=3)
    return [("forest", forest), ("linear", linear), ("boosting", GradientBoostingClassifier(n_estimators=8, max_depth=3, random_state=0))]


COMPOSED = {
    "soft": lambda: en.ensemble.VotingClassifier(_voters(), voting="soft", weights=[1, 2, 0.5]),
    "hard": lambda: en.ensemble.VotingClassifier(_voters(), voting="hard"),
    "vote of votes": lambda: en.ensemble.VotingClassifier([("soft", COMPOSED["soft"]()), ("hard", COMPOSED["hard"]())], voting="hard"),
    "calibrated vote behind a scaler": lambda: en.pipeline.make_pipeline(
        en.preprocessing.StandardScaler(), en.calibration.CalibratedClassifierCV(COMPOSED["soft"](), method="sigmoid", cv=3)
    ),
    "calibrated twice": lambda: en.calibration.CalibratedClassifierCV(
        en.calibration.CalibratedClassifierCV(_voters()[2][1], method="isotonic", cv=3), method="sigmoid", cv=3
    ),
    "detector behind a selection": lambda: en.pipeline.make_pipeline(
        en.feature_selection.SelectKBest(k=4),
        en.calibration.AbstainingClassifier(
            _voters()[0][1], target_coverage=0.7, cv=3, out_of_distribution=en.calibration.OutOfDistributionDetector(false_alarm_rate=0.3)
        ),
    ),
    "sets by class": lambda: en.calibration.ConformalClassifier(_voters()[0][1], confidence_level=0.6, class_conditional=True, random_state=0),
    "sets, aps": lambda: en.calibration.ConformalClassifier(_voters()[0][1], confidence_level=0.6, conformity_score="aps", random_state=0),
    "sets, aps, empty": lambda: en.calibration.ConformalClassifier(
        _voters()[2][1], confidence_level=0.5, conformity_score="aps", allow_empty_sets=True, random_state=0
    ),
    "search": lambda: en.model_selection.GridSearchCV(_voters()[0][1], {"max_depth": [2, 6]}, cv=3),
    "settings of a search": lambda: en.ensemble.SearchVotingClassifier(COMPOSED["search"](), n_best=2),
    "stack": lambda: en.ensemble.StackingClassifier(_voters(), cv=3),
    "stack with columns under trees": lambda: en.pipeline.make_pipeline(
        en.feature_selection.SelectKBest(k=4), en.ensemble.StackingClassifier(_voters(), _voters()[0][1], cv=3, passthrough=True)
    ),
    "stack of margins under a pipeline": lambda: en.calibration.CalibratedClassifierCV(
        en.ensemble.StackingClassifier(
            [("linear", en.linear_model.LogisticRegression()), _voters()[2]],
            en.pipeline.make_pipeline(en.impute.SimpleImputer(), en.preprocessing.StandardScaler(), en.linear_model.LogisticRegression()),
            stack_method="decision_function",
            cv=3,
        ),
        cv=3,
    ),
    "one vs rest of forests": lambda: en.multilabel.OneVsRestClassifier(_voters()[0][1]),
    "a map a fold": lambda: en.calibration.CalibratedClassifierCV(_voters()[2][1], method="sigmoid", cv=3, ensemble=True),
    "one vs rest and corrected priors": lambda: en.ensemble.VotingClassifier(
        [
            ("rest", en.multilabel.OneVsRestClassifier(en.linear_model.LogisticRegression())),
            ("prior", en.calibration.PriorCorrectedClassifier(_voters()[0][1], trained_priors="balanced")),
        ],
        voting="soft",
    ),
}


@pytest.mark.parametrize("name", sorted(COMPOSED))
@pytest.mark.parametrize("n_classes", [2, 4])
def test_votes_detectors_and_sets_travel(name: str, n_classes: int, data: Any) -> None:
    X, y = data(n_classes, missing=False)
    model = COMPOSED[name]()
    groups = np.arange(len(y)) % 12
    model.fit(X, y, groups=groups)
    generator = np.random.default_rng(1)
    # Half of the hostile rows lie at the splits of the first forest of the file, the float32 beside them, and at extremes.
    hostile = generator.normal(size=(200, 7)).astype(np.float32) * np.geomspace(1e-3, 1e5, 7, dtype=np.float32) * 3 + 3
    hostile[np.arange(200), np.arange(200) % 7] = np.array([0.0, -0.0, 1e-45, -1e-38, 1e30, -1e30], dtype=np.float32)[np.arange(200) % 6]
    rows = np.concatenate([X, hostile, np.nextafter(X, np.float32(np.inf)), np.nextafter(X, np.float32(-np.inf))])
    check(model, rows)


@pytest.mark.parametrize("name", ["linear", "behind a scaler", "forests", "boosting", "tuned", "calibrated"])
def test_sets_of_labels_travel(name: str, data: Any) -> None:
    from emotion_native.multilabel import OneVsRestClassifier, TunedThresholdsClassifier

    X, _ = data(4, missing=False)
    shown = (X - X.mean(axis=0)) / X.std(axis=0)
    Y = np.column_stack([shown[:, 0] > 0.4, shown[:, 1] + shown[:, 2] > 0, shown[:, 3] < -0.2, np.ones(len(X))]).astype(np.int64)
    linear, scaler = en.linear_model.LogisticRegression(), en.preprocessing.StandardScaler()
    models = {
        "linear": OneVsRestClassifier(linear),
        "behind a scaler": en.pipeline.make_pipeline(scaler, OneVsRestClassifier(linear)),
        "forests": OneVsRestClassifier(_voters()[0][1]),
        "boosting": OneVsRestClassifier(_voters()[2][1]),
        "tuned": TunedThresholdsClassifier(OneVsRestClassifier(en.pipeline.make_pipeline(scaler, linear)), cv=3),
        "calibrated": OneVsRestClassifier(_voters()[1][1]),
    }
    if "linear" in name or "scaler" in name:
        Y = Y[:, :3]
    with pytest.warns(en.exceptions.EmotionNativeWarning) if Y.shape[1] == 4 else nullcontext():
        model = models[name].fit(X, Y, groups=np.arange(len(X)) % 12)
    runtime = en.load_model(model_bytes(model))
    expected = runtime.predict_features(X)
    assert expected.indicators is not None and np.array_equal(expected.indicators, model.predict(X))
    got = run(to_onnx(model), X)
    np.testing.assert_allclose(got["probabilities"], expected.probabilities, rtol=0, atol=TOLERANCE)
    assert got["label_set"].dtype == bool and np.array_equal(got["label_set"], expected.indicators.astype(bool))
    assert np.array_equal(got["label"], expected.labels) and not got["abstained"].any()


def test_refusals_speak_of_what_was_called(data: Any) -> None:
    X, y = data(4, missing=False)
    forest = en.ensemble.RandomForestClassifier(n_estimators=2, random_state=0)
    with pytest.raises(InvalidInputError, match=r"^model of to_onnx must be a fitted classifier; got StandardScaler without classes_"):
        to_onnx(en.preprocessing.StandardScaler().fit(X))
    from sklearn.dummy import DummyClassifier

    rule = "must be made of steps of emotion_native"
    with pytest.raises(InvalidInputError, match=rf"^model of to_onnx {rule}; got sklearn\.dummy\.DummyClassifier as step 0$"):
        to_onnx(DummyClassifier().fit(X, y))
    rule = "must have labels that are texts or whole numbers"
    with pytest.raises(InvalidInputError, match=rf"^model of to_onnx {rule}; got \[0\.0.*save_model may name them"):
        to_onnx(forest.fit(X, np.where(y == "calm", 0.0, 1.0)))


def test_sums_of_leaves_are_exact_beyond_float32(data: Any) -> None:
    """Shares of leaves of 3 rows and more are no binary fractions: summed in float32 they would differ from the runtime's in the eighth digit."""
    X, y = data(4, missing=False)
    forest = en.ensemble.RandomForestClassifier(n_estimators=300, min_samples_leaf=3, random_state=0).fit(X, y)
    model = to_onnx(forest)
    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    name = next(node.input[0] for node in model.graph.node if node.output[0] == "probabilities")
    wide.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.DOUBLE, None))
    got = ort.InferenceSession(wide.SerializeToString(), providers=["CPUExecutionProvider"]).run([name], {"features": X})[0]
    # 300 additions of float64 in another order.
    np.testing.assert_allclose(got, forest.predict_proba(X), rtol=0, atol=1e-14)


def test_whole_number_labels_single_rows_and_no_rows(data: Any) -> None:
    X, y = data(4, missing=False)
    forest = en.ensemble.RandomForestClassifier(n_estimators=9, random_state=0).fit(X, np.searchsorted(np.unique(y), y) * 10 - 5)
    model = to_onnx(forest)
    got = run(model, X)
    assert got["label"].dtype == np.int64 and np.array_equal(got["label"], forest.predict(X))
    for row in X[:20]:
        assert np.array_equal(run(model, row[np.newaxis])["probabilities"], got["probabilities"][(row == X).all(axis=1)][:1])
    assert run(model, X[:0])["probabilities"].shape == (0, 4)


def test_trees_of_one_leaf() -> None:
    X = np.zeros((6, 2), dtype=np.float32)
    for estimator in (en.ensemble.RandomForestClassifier(n_estimators=3, random_state=0), en.ensemble.GradientBoostingClassifier(n_estimators=3)):
        check_constant = estimator.fit(X, [0, 1, 2, 0, 1, 0])
        got = run(to_onnx(check_constant), X)["probabilities"]
        np.testing.assert_allclose(got, check_constant.predict_proba(X), rtol=0, atol=TOLERANCE)


def test_extreme_sigmoids_and_a_row_that_no_class_claims() -> None:
    """Slopes so steep that every share underflows: the kernel then answers with equal shares."""
    from emotion_native import _core

    generator = np.random.default_rng(0)
    proba = generator.dirichlet(np.full(3, 0.2), size=300)
    for a, b in ((np.array([-5.0, 0.3, -900.0]), np.array([2.0, -1.0, 400.0])), (np.zeros(3), np.full(3, 800.0))):
        graph = Graph()
        last = add_calibration(graph, "proba", {"kind": "sigmoid"}, {"a": a, "b": b}, 3)
        inputs = [onnx.helper.make_tensor_value_info("proba", onnx.TensorProto.DOUBLE, ["rows", 3])]
        output = [onnx.helper.make_tensor_value_info(last, onnx.TensorProto.DOUBLE, ["rows", 3])]
        made = onnx.helper.make_model(
            onnx.helper.make_graph(graph.nodes, "map", inputs, output, graph.initializers),
            ir_version=8,
            opset_imports=[onnx.helper.make_opsetid("", 17)],
        )
        got = ort.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"proba": proba})[0]
        # Two libraries' log and exp: a few ulps, times the slope of 900.
        np.testing.assert_allclose(got, _core.apply_sigmoid(proba, a, b), rtol=1e-11, atol=1e-300)


def test_the_file_the_metadata_and_equal_bytes(fitted: Any, tmp_path: Path) -> None:
    model, _ = fitted("forest", "prepared", 4, "sigmoid")
    made = to_onnx(model, tmp_path / "m.onnx")
    written = (tmp_path / "m.onnx").read_bytes()
    assert written == made.SerializeToString(deterministic=True)
    onnx.checker.check_model(onnx.load_from_string(written), full_check=True)
    properties = {entry.key: entry.value for entry in made.metadata_props}
    model_hash = save_model(model, tmp_path / "m.emotion")
    assert properties["model_hash"] == model_hash and '"angry"' in properties["classes"]
    for same in (tmp_path / "m.emotion", (tmp_path / "m.emotion").read_bytes(), en.load_model(tmp_path / "m.emotion")):
        assert to_onnx(same).SerializeToString(deterministic=True) == written
    assert {entry.domain: entry.version for entry in made.opset_import} == {"": 17, "ai.onnx.ml": 3}


def test_what_cannot_be_exported_is_refused(fitted: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = fitted("forest", "alone", 2)
    with pytest.raises(InvalidInputError, match="calibrated by temperature, sigmoid or isotonic, or not at all; got spline"):
        add_calibration(Graph(), "proba", {"kind": "spline"}, {}, 2)
    with pytest.raises(InvalidInputError, match="steps that have a translation; got speaker_normalizer"):
        add_step(Graph(), "features", {"kind": "speaker_normalizer"}, {}, 2)
    with pytest.raises(InvalidInputError, match="must be a fitted classifier"):
        to_onnx(en.ensemble.RandomForestClassifier())
    with pytest.raises(ModelFormatError):
        to_onnx(b"nothing")
    save_model(model, tmp_path / "m.emotion")
    loaded = en.load_model(tmp_path / "m.emotion")
    save_model(fitted("boosting", "alone", 2)[0], tmp_path / "m.emotion")
    with pytest.raises(InvalidInputError, match="whose file still is the one loaded"):
        to_onnx(loaded)
    with monkeypatch.context() as patch:
        patch.setattr(_onnx, "_MOST_BYTES", 1000)
        with pytest.raises(InvalidInputError, match="less than 2 GiB"):
            to_onnx(model, tmp_path / "large.onnx")
    with monkeypatch.context() as patch:
        patch.setitem(__import__("sys").modules, "onnx", None)
        with pytest.raises(MissingDependencyError, match=r"emotion-native\[onnx\]"):
            to_onnx(model)
    assert [path.name for path in tmp_path.iterdir()] == ["m.emotion"]
