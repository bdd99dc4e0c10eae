"""Calibration maps: SciPy's minimisers and scikit-learn's Platt scaling as oracles, closed forms, and degenerate input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar
from sklearn.isotonic import IsotonicRegression as Isotonic

import emotion_native as en
from emotion_native import _core
from emotion_native.exceptions import InvalidInputError

c = en.calibration
FLOOR = 1e-4


def sample(n: int, k: int, seed: int, sharp: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Return overconfident probabilities and labels drawn from the calibrated ones."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, k)) * 1.5
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y = np.array([rng.choice(k, p=p) for p in true])
    bold = np.exp(logits * sharp)
    return bold / bold.sum(axis=1, keepdims=True), y


def nll(proba: np.ndarray, y: np.ndarray, beta: float, weight: Any = None) -> float:
    logs = beta * np.log(np.maximum(proba, FLOOR))
    logs -= logs.max(axis=1, keepdims=True)
    losses = np.log(np.exp(logs).sum(axis=1)) - logs[np.arange(len(y)), y]
    return float(np.average(losses, weights=weight))


@settings(max_examples=40, deadline=None)
@given(st.integers(30, 200), st.integers(2, 6), st.integers(0, 2**32 - 1), st.booleans())
def test_temperature_is_the_minimum(n: int, k: int, seed: int, weighted: bool) -> None:
    proba, y = sample(n, k, seed)
    weight = np.random.default_rng(seed).random(n) + 0.1 if weighted else None
    t = c.TemperatureCalibrator().fit(proba, y, weight).temperature_
    best = minimize_scalar(lambda beta: nll(proba, y, beta, weight), bounds=(0.05, 20), method="bounded", options={"xatol": 1e-10})
    assert nll(proba, y, 1 / t, weight) <= best.fun + 1e-12
    if 0.06 < t < 19:
        assert 1 / t == pytest.approx(best.x, rel=1e-4)  # the minimiser stops at the square root of the rounding of the loss


def test_temperature_formula_and_order(rng: np.random.Generator) -> None:
    proba = rng.dirichlet(np.full(5, 0.3), 50)
    out = _core.apply_temperature(proba, 2.5)
    expected = np.maximum(proba, FLOOR) ** (1 / 2.5)
    np.testing.assert_allclose(out, expected / expected.sum(axis=1, keepdims=True), rtol=1e-12)
    assert np.array_equal(np.argmax(out, axis=1), np.argmax(proba, axis=1))
    assert np.array_equal(_core.apply_temperature(out, 1.0).argmax(axis=1), proba.argmax(axis=1))


@settings(max_examples=25, deadline=None)
@given(st.integers(20, 150), st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_sigmoid_is_the_minimum_of_platts_problem(n: int, k: int, seed: int) -> None:
    proba, y = sample(n, k, seed)
    fit = c.SigmoidCalibrator().fit(proba, y)
    clipped = np.clip(proba, FLOOR, 1 - FLOOR)
    odds = np.log(clipped / (1 - clipped))
    for j in range(k):
        inside, outside = np.sum(y == j), np.sum(y != j)
        target = np.where(y == j, (inside + 1) / (inside + 2), 1 / (outside + 2))

        def loss(ab: Any, f: Any = odds[:, j], t: Any = target) -> float:
            z = ab[0] * f + ab[1]
            return float(np.sum(np.logaddexp(0, z) - (1 - t) * z))

        best = minimize(loss, [-1.0, 0.0], method="BFGS", options={"gtol": 1e-9})
        assert loss((fit.a_[j], fit.b_[j])) <= best.fun + 1e-8
    s = 1 / (1 + np.exp(fit.a_ * odds + fit.b_))
    np.testing.assert_allclose(fit.predict_proba(proba), s / s.sum(axis=1, keepdims=True), rtol=1e-10)


def test_sigmoid_equals_scikit_learn_on_log_odds() -> None:
    """scikit-learn's private Platt scaling, fed with the same log-odds: the same map to the precision of its minimiser."""
    calibration = pytest.importorskip("sklearn.calibration")
    proba, y = sample(300, 2, 9)
    odds = np.log(np.clip(proba[:, 1], FLOOR, 1 - FLOOR) / np.clip(proba[:, 0], FLOOR, 1 - FLOOR))
    a, b = calibration._sigmoid_calibration(odds, (y == 1).astype(float))
    fit = c.SigmoidCalibrator().fit(proba, y)
    assert (fit.a_[1], fit.b_[1]) == (pytest.approx(a, rel=1e-3), pytest.approx(b, abs=1e-3))


def test_calibration_improves_new_rows() -> None:
    proba, y = sample(2000, 4, 1)
    new_proba, new_y = sample(2000, 4, 2)
    raw = en.metrics.log_loss(new_y, new_proba)
    for method in ("temperature", "sigmoid"):
        calibrated = c.fit_calibrator(method, proba, y).predict_proba(new_proba)
        assert en.metrics.log_loss(new_y, calibrated) < raw - 0.05
        assert en.metrics.expected_calibration_error(new_y, calibrated) < 0.05


@pytest.mark.parametrize("method", ["temperature", "sigmoid"])
@pytest.mark.parametrize(
    ("proba", "y"),
    [
        (np.eye(3)[[0, 1, 2]], [0, 1, 2]),  # perfect separation
        (np.eye(3)[[0, 1, 2]], [1, 2, 0]),  # always wrong
        (np.full((4, 3), 1 / 3), [0, 1, 2, 0]),  # constant
        (np.eye(3)[[0, 0, 0]], [0, 0, 0]),  # one class alone
        (np.array([[0.2, 0.3, 0.5]]), [2]),  # one row
        (np.empty((0, 3)), np.empty(0, dtype=int)),  # no row
    ],
)
def test_degenerate_rows_give_finite_probabilities(method: str, proba: Any, y: Any) -> None:
    calibrator = c.fit_calibrator(method, proba, y)
    out = calibrator.predict_proba(np.array([[1.0, 0.0, 0.0], [0.2, 0.3, 0.5], [1 / 3, 1 / 3, 1 / 3]]))
    assert np.isfinite(out).all()
    np.testing.assert_allclose(out.sum(axis=1), 1)
    header, arrays = calibrator._native_state()
    assert header == {"kind": method}
    assert all(np.isfinite(v).all() for v in arrays.values())


def test_rows_whose_class_was_unknown_to_the_model_are_left_out() -> None:
    proba, y = sample(200, 3, 4)
    broken, codes = np.vstack([proba, [[0.5, 0.5, 0.0]] * 50]), np.append(y, [2] * 50)
    seen = np.append(np.ones(200, dtype=bool), np.zeros(50, dtype=bool))
    plain = c.fit_calibrator("temperature", proba, y).temperature_
    assert c.fit_calibrator("temperature", broken, codes, seen=seen).temperature_ == plain
    assert c.fit_calibrator("temperature", broken, codes).temperature_ > 1.2 * plain


def test_nan_rows_stay_nan_and_native_state_rebuilds_the_map(rng: np.random.Generator) -> None:
    proba = rng.dirichlet(np.ones(3), 4)
    proba[1] = np.nan
    y = np.array([0, 1, 2])
    for method in ("temperature", "sigmoid"):
        calibrator = c.fit_calibrator(method, proba[[0, 2, 3]], y)
        out = calibrator.predict_proba(proba)
        assert np.isnan(out[1]).all()
        assert np.isfinite(out[[0, 2, 3]]).all()
        _, state = calibrator._native_state()
        if method == "temperature":
            again = _core.apply_temperature(proba, float(state["temperature"][0]))
        else:
            again = _core.apply_sigmoid(proba, state["a"], state["b"])
        assert np.array_equal(out, again, equal_nan=True)


@pytest.mark.parametrize("cls", [c.TemperatureCalibrator, c.SigmoidCalibrator])
@pytest.mark.parametrize(
    ("proba", "codes", "weight"),
    [
        ([0.5, 0.5], [0, 1], None),
        ([[0.5, 0.5]], [0, 1], None),
        ([[0.5, np.nan]], [0], None),
        ([[1.5, -0.5]], [0], None),
        ([[0.5, 0.5]], [2], None),
        ([[0.5, 0.5]], [-1], None),
        ([[0.5, 0.5]], ["a"], None),
        ([[0.5, 0.5]], [0], [np.inf]),
        ([[0.5, 0.5]], [0], [1.0, 2.0]),
        ([[0.5, 0.5]], [0], [-1.0]),
    ],
)
def test_bad_rows(cls: Any, proba: Any, codes: Any, weight: Any) -> None:
    with pytest.raises(InvalidInputError):
        cls().fit(proba, codes, weight)


def test_bad_maps() -> None:
    with pytest.raises(InvalidInputError, match="temperature"):
        _core.apply_temperature(np.ones((1, 2)), 0.0)
    with pytest.raises(InvalidInputError):
        _core.apply_sigmoid(np.ones((1, 2)), np.ones(3), np.ones(3))
    with pytest.raises(InvalidInputError, match="method"):
        c.fit_calibrator("spline", np.ones((1, 2)), [0])


@settings(max_examples=25, deadline=None)
@given(st.integers(20, 300), st.integers(2, 5), st.integers(0, 2**32 - 1), st.booleans())
def test_isotonic_is_one_regression_a_class(n: int, k: int, seed: int, weighted: bool) -> None:
    proba, y = sample(n, k, seed)
    proba = proba.round(2)  # ties
    weight = np.random.default_rng(seed).integers(0, 3, n).astype(float) if weighted else None
    if weight is not None:
        weight[0] = 1.0
    calibrator = c.IsotonicCalibrator().fit(proba, y, weight)
    new, _ = sample(50, k, seed + 1)
    expected = np.stack([Isotonic(out_of_bounds="clip").fit(proba[:, j], y == j, weight).predict(new[:, j]) for j in range(k)], axis=1)
    expected = np.maximum(expected, FLOOR)
    np.testing.assert_allclose(calibrator.predict_proba(new), expected / expected.sum(axis=1, keepdims=True), rtol=1e-10)


def test_probabilities_some_last_bits_apart_make_no_step() -> None:
    rng = np.random.default_rng(0)
    base = rng.integers(1, 20, 400) / 20
    shaken = base + rng.integers(-3, 4, 400) * np.spacing(base)  # as the order of a mean's additions does
    y = (rng.random(400) < base).astype(int)
    for weight in (None, np.ones(400)):
        plain, other = (c.IsotonicCalibrator().fit(np.column_stack([1 - p, p]), y, weight) for p in (base, shaken))
        assert len(other.x_) == len(plain.x_)
        np.testing.assert_allclose(other.x_, plain.x_, atol=1e-15)
        np.testing.assert_allclose(other.y_, plain.y_, rtol=1e-12)
        in_single = other.predict_proba(np.column_stack([1 - shaken, shaken]).astype(np.float32))
        np.testing.assert_allclose(in_single, other.predict_proba(np.column_stack([1 - shaken, shaken])), atol=1e-5)


def test_isotonic_maps_survive_the_model_file_and_refuse_what_they_must() -> None:
    proba, y = sample(200, 3, 1)
    calibrator = c.fit_calibrator("isotonic", proba, y)
    assert isinstance(calibrator, c.IsotonicCalibrator)
    out = calibrator.predict_proba(proba)
    np.testing.assert_allclose(out.sum(axis=1), 1.0, rtol=1e-12)
    assert (out > 0).all()
    assert np.isnan(calibrator.predict_proba([[np.nan, 0.5, 0.5]])).all()
    with pytest.raises(InvalidInputError, match="3 classes"):
        _core.apply_isotonic_maps(proba, calibrator.offsets_[:-1], calibrator.x_, calibrator.y_)
    with pytest.raises(InvalidInputError, match="rising in x"):
        _core.apply_isotonic_maps(proba, calibrator.offsets_, calibrator.x_[::-1].copy(), calibrator.y_)
    with pytest.raises(InvalidInputError, match="method of"):
        c.fit_calibrator("Isotonic", proba, y)
