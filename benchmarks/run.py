"""Run the benchmarks: ``python benchmarks/run.py [ROW ...]``. Writes benchmarks/results/ROW.json; tables.py makes the README's table of them.

Run it on a quiet machine, with the release or dev build: it takes about eight minutes on 2 cores.
"""

from __future__ import annotations

import argparse
import os


def main() -> None:
    """Run the rows named on the command line, or all."""
    # One thread in everybody's BLAS and OpenMP; the rows say where more threads are used. Must be set before NumPy loads.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[variable] = "1"

    import imbalanced_learn
    import librosa_features
    import protocol
    import scikit_learn

    rows = {**scikit_learn.ROWS, **imbalanced_learn.ROWS, **librosa_features.ROWS}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"some of: {' '.join(rows)}")
    names = parser.parse_args().rows or list(rows)
    for name in names:
        if name not in rows:
            parser.error(f"there is no row {name}; there are {' '.join(rows)}")
    for name in names:
        result = protocol.run(rows[name]())
        print(name)
        for timing in result["timings"]:
            low, middle, high, cpu = (1000 * timing[key] for key in ("smallest", "median", "largest", "cpu_median"))
            print(f"  {timing['name']:34s} {middle:12.3f} ms  ({low:.3f} to {high:.3f}; CPU {cpu:.3f} ms; threads {timing['threads']})")
        print(f"  faster by {', '.join(f'{speedup:.2f}' for speedup in result['speedups'])}; agreement {result['agreement']}", flush=True)


if __name__ == "__main__":
    main()
