"""Run the benchmarks: ``python benchmarks/run.py [--only WORD] [--sets A,B]``. Each writes benchmarks/results/ROW.json.

Run it on a quiet machine with two cores, with the release build: the default takes about 25 minutes. ``--quick`` tries everything out on a tenth of
the rows and writes nothing; ``--full`` fits every tree and every fold that the default scales up (hours); ``--data FOLDER`` adds real corpora.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def rows(options: argparse.Namespace) -> dict[str, Callable[[], Any]]:
    """Return all rows by name; a row's data is made when it is called."""
    import boosting
    import busy
    import calibration
    import cross_validation
    import datasets
    import decode_resample
    import explanations
    import forests
    import librosa_features
    import linear
    import pitch
    import sampling
    import scikit_learn
    import search
    import speaker_reports
    import splitting
    import streaming
    import voice_sets

    def table(key: str) -> Any:
        return datasets.table(key, quick=options.quick)

    found: dict[str, Callable[[], Any]] = {**librosa_features.ROWS, **pitch.ROWS, **voice_sets.ROWS, **decode_resample.ROWS, **scikit_learn.ROWS}
    found.update(streaming.ROWS)
    n = options.threads
    for key in "ABCD":
        found[f"forest_fit_{key}_{n}"] = lambda key=key: forests.fit(table(key), key, n, options.full)
    for key in "AB":
        found[f"forest_one_{key}"] = lambda key=key: forests.one(table(key), key)
        found[f"forest_batch_{key}"] = lambda key=key: forests.batch(table(key), key)
    for key in "ABCD":
        found[f"boosting_fit_{key}_{n}"] = lambda key=key: boosting.fit(table(key), key, n)
    found["boosting_one_A"] = lambda: boosting.one(table("A"), "A")
    for key in "AB":
        for kind in ("5fold", "loso"):
            found[f"cv_{kind}_{key}_{n}"] = lambda key=key, kind=kind: cross_validation.row(table(key), key, kind, n, options.full)
        found[f"cv_memory_{key}"] = lambda key=key: cross_validation.peak(key)
    for kind in search.GRIDS:
        found[f"search_{kind}A_{n}"] = lambda kind=kind: search.row(table("A"), "A", n, kind)
    found["search_memory_A"] = lambda: search.peak("A")
    found["cv_many_folds"] = lambda: cross_validation.many_folds(options.quick)
    found["cv_many_fits"] = lambda: cross_validation.many_fits(options.quick)
    found["stratified_group_k_fold"] = lambda: splitting.row(options.quick)
    found[f"smote_C_{n}"] = lambda: sampling.smote(table("C"), "C", n)
    found["over_sampling_memory_D"] = lambda: sampling.memory_of_over_sampling("D")
    for key in "AB":
        found[f"shap_{key}"] = lambda key=key: explanations.row(table(key), key)
        found[f"linear_shap_{key}"] = lambda key=key: explanations.linear(table(key), key)
        found[f"permutation_shap_{key}"] = lambda key=key: explanations.permutation(table(key), key)
    found["speaker_report"] = speaker_reports.row
    for key in "ABC":
        for kind in ("l2", "elastic_net", "one_vs_rest"):
            found[f"logistic_{kind}_{key}"] = lambda key=key, kind=kind: linear.fit(table(key), key, kind)
        found[f"logistic_one_{key}"] = lambda key=key: linear.one(table(key), key)
    found["thresholds_28"] = linear.thresholds
    maps = {"sigmoid_maps": calibration.sigmoid_maps, "isotonic_maps": calibration.isotonic_maps, "isotonic_1M": calibration.isotonic}
    for name, row in maps.items():
        found[name] = lambda row=row: row(options.quick)
    found["busy_A"] = lambda: busy.row(table("A"), "A")
    if options.data is not None:
        for name in ("ravdess", "emodb"):
            found[f"forest_fit_{name}_{n}"] = lambda name=name: forests.fit(datasets.corpus(name, options.data), name, n, options.full)
            found[f"cv_loso_{name}_{n}"] = lambda name=name: cross_validation.row(datasets.corpus(name, options.data), name, "loso", n, options.full)
    return found


def chosen(names: list[str], options: argparse.Namespace) -> list[str]:
    """Return the names of the rows asked for: those that contain one of the words, and are of one of the sets."""
    words = [word for word in options.only.split(",") if word]
    sets = {one for one in options.sets.split(",") if one}
    named = [name for name in names if not words or any(word in name for word in words)]
    return [name for name in named if not sets or sets & set(name.split("_"))]


def say(result: dict[str, Any]) -> bool:
    """Print a result beside its targets; return whether our quality was within its margins."""
    print(f"  {result['title']} ({result['workload']})")
    for figure in result.get("figures", []):
        limit = f"  (target: at most {figure['at_most']})" if "at_most" in figure else ""
        print(f"  {figure['what']:80s} {figure['value']:10.3g} {figure['unit']}{limit}")
    for i, timing in enumerate(result.get("timings", [])):
        low, middle, high, cpu = (1000 * timing[key] for key in ("smallest", "median", "largest", "cpu_smallest"))
        line = f"  {timing['name']:32s} {middle:12.3f} ms  ({low:.3f} to {high:.3f}; CPU {cpu:.3f}; threads {timing['threads']})"
        if i:
            target = f", target {timing['target']:.3g}x" if timing["target"] else ""
            ratios = (result[key][i - 1] for key in ("speedups", "speedups_of_minima", "speedups_of_cpu"))
            line += "  ours faster by {:.2f}x (minima {:.2f}x, CPU {:.2f}x){}".format(*ratios, target)
        elif result["limit"]:
            line += f"  target: at most {1000 * result['limit']:.3f} ms"
        print(line)
    agreement = result.get("agreement", {})
    print("  ", {key: round(value, 5) if isinstance(value, float) else value for key, value in agreement.items()})
    within = all(value for key, value in agreement.items() if key.endswith("_within"))
    if not within:
        print("  OUTSIDE THE MARGIN OF QUALITY")
    return within


def main() -> int:
    """Run the rows asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="WORD[,WORD]", help="rows whose name contains a word")
    parser.add_argument("--sets", default="", metavar="A,B", help="rows of these sets only")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, nothing is written: only tries the benchmarks out")
    parser.add_argument("--full", action="store_true", help="all trees and folds of the rows that are scaled by default")
    parser.add_argument("--data", type=Path, help="folder with the shared corpora, for rows on real features")
    parser.add_argument("--list", action="store_true", help="only print the names")
    options = parser.parse_args()
    # One thread in everybody's BLAS and OpenMP; the contenders set more themselves. Must be set before NumPy loads.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[variable] = "1"
    if options.quick:
        os.environ["BENCHMARKS_QUICK"] = "1"

    import protocol

    available = rows(options)
    names = chosen(list(available), options)
    if options.list or not names:
        print(*(names or available), sep="\n")
        return int(not names)
    begun, failed = time.perf_counter(), []
    for i, name in enumerate(names):
        print(f"[{i + 1}/{len(names)}, {time.perf_counter() - begun:.0f} s] {name}", flush=True)
        try:
            row = available[name]()
            result = protocol.measure(row) if isinstance(row, protocol.Figures) else protocol.run(row)
        except (AssertionError, AttributeError, ImportError, RuntimeError, TypeError, ValueError) as error:
            print(f"  FAILED: {type(error).__name__}: {error}", flush=True)
            failed.append(name)
            continue
        if not say(result):
            failed.append(name)
    print(f"{time.perf_counter() - begun:.0f} s in all" + (f"; failed: {' '.join(failed)}" if failed else ""), flush=True)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
