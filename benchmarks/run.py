"""Run the benchmarks: ``python benchmarks/run.py [ROW ...]``. Writes benchmarks/results/ROW.json; tables.py makes the README's table of them.

Run it on a quiet machine, with the release or dev build: it takes about eight minutes on 2 cores.
"""

from __future__ import annotations

import argparse
import os

# One thread in everybody's BLAS and OpenMP; the rows say where more threads are used. Must be set before NumPy loads.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_variable] = "1"

import imbalanced_learn
import librosa_features
import protocol
import scikit_learn

ROWS = {**scikit_learn.ROWS, **imbalanced_learn.ROWS, **librosa_features.ROWS}


def main() -> None:
    """Run the rows named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", choices=[[], *ROWS], metavar="ROW", help=f"some of: {' '.join(ROWS)}")
    for name in parser.parse_args().rows or ROWS:
        result = protocol.run(ROWS[name]())
        print(name)
        for timing in result["timings"]:
            spread = f"{1000 * timing['smallest']:.3f} to {1000 * timing['largest']:.3f}"
            print(f"  {timing['name']:34s} {1000 * timing['median']:12.3f} ms  ({spread}; CPU {1000 * timing['cpu_median']:.3f} ms; threads {timing['threads']})")
        print(f"  faster by {', '.join(f'{speedup:.2f}' for speedup in result['speedups'])}; agreement {result['agreement']}")


if __name__ == "__main__":
    main()
