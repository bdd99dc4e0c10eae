"""No figure of the README is typed by hand: the tables are those that the benchmark results give."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

pytestmark = pytest.mark.unsanitized  # text, files and imports, not calls

REPOSITORY = Path(__file__).resolve().parents[2]
with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(str(REPOSITORY / "benchmarks"))  # as for a script: its neighbours can be imported
    TABLES = runpy.run_path(str(REPOSITORY / "benchmarks" / "tables.py"))
RESULTS = sorted((REPOSITORY / "benchmarks" / "results").glob("*.json"))


def test_tables_equal_the_generated_ones() -> None:
    assert TABLES["stale"]() == [], "run python benchmarks/tables.py"


def test_where_the_gain_of_enrolment_begins_is_told_as_it_was_measured() -> None:
    from emotion_native.preprocessing import SpeakerNormalizer

    result = json.loads((REPOSITORY / "benchmarks" / "results" / "enrolment.json").read_text(encoding="utf-8"))
    (emodb,) = [corpus for corpus in result["corpora"] if corpus["corpus"] == "emodb"]
    recall = {point["clips"]: point["uar"] for point in emodb["curve"]}
    told = " ".join((SpeakerNormalizer.__doc__ or "").split())
    assert f"recall {recall[1]:.3f} and {recall[2]:.3f} against {emodb['scaler']:.3f}" in told
    assert f"four and eight above ({recall[4]:.3f}, {recall[8]:.3f})" in told
    page = (REPOSITORY / "docs" / "how-to" / "enrolment.md").read_text(encoding="utf-8")
    assert f"EmoDB: {recall[1]:.3f} with one clip, {recall[2]:.3f} with two, against {emodb['scaler']:.3f}" in " ".join(page.split())


@pytest.mark.parametrize(("value", "text"), [(12.6, "12.6 s"), (0.0123, "12.3 ms"), (4.56e-5, "45.6 µs"), (3.5e-8, "35 ns")])
def test_times_have_three_figures_and_a_unit(value: float, text: str) -> None:
    assert TABLES["seconds"](value) == text


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_results_are_complete_and_name_no_machine(path: Path) -> None:
    result = json.loads(path.read_text(encoding="utf-8"))
    assert {"cpu", "cores", "memory_gib", "python"} <= set(result["machine"])
    assert not {"host", "hostname", "node"} & set(result["machine"])
    for timing in result.get("timings", []):
        assert timing["measurements"] >= (3 if result.get("long") else 5)
        assert timing["smallest"] <= timing["median"] <= timing["largest"]
