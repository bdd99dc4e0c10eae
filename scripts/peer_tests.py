"""Run the peers' own test modules with our classes swapped in (scripts/peer_swap.py) and judge the failures by scripts/peer_differences.yaml."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

SCRIPTS = Path(__file__).resolve().parent
ROOT = SCRIPTS.parent
LIST = SCRIPTS / "peer_differences.yaml"
PAGE = ROOT / "docs" / "explanation" / "differences.md"


def swaps_of(module: dict[str, Any]) -> list[list[str]]:
    """Return (peer module, name, our module, our name) for each name that is replaced."""
    found = []
    for peer, names in module["swaps"].items():
        package = module.get("ours") or "emotion_native." + peer.partition(".")[2]
        found += [[peer, name, package, name] for name in names]
    return found


def run(module: dict[str, Any], folder: Path) -> dict[str, dict[str, Any]]:
    """Run one test module in a process of its own and return its outcomes by test."""
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    environment = {**os.environ, "PEER_SWAPS": json.dumps(swaps_of(module)), "PEER_REPORT": str(report)}
    environment["PYTHONPATH"] = os.pathsep.join([str(SCRIPTS), *filter(None, [environment.get("PYTHONPATH")])])
    environment.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    name = module["module"]
    target = [str(SCRIPTS / name)] if name.endswith(".py") else ["--pyargs", name]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "peer_swap", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(folder)]
    command += ["--tb=short", "--no-header", "-W", "ignore", *module.get("options", []), *target]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    (folder / f"{name}.log").write_text(done.stdout + done.stderr)
    if not report.exists():
        raise SystemExit(f"{name} did not run:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return {nodeid.partition("::")[2]: outcome for nodeid, outcome in json.loads(report.read_text()).items()}


def matches(pattern: str, test: str) -> bool:
    """Return whether a test is meant; a star stands for anything."""
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), test, re.DOTALL) is not None


def ruled_out(rules: dict[str, dict[str, Any]], message: str) -> bool:
    """Return whether the failure says by itself that it falls under a rule."""
    return any(re.search(pattern, message) for rule in rules.values() for pattern in rule.get("messages", []))


def judge(module: dict[str, Any], outcomes: dict[str, dict[str, Any]], rules: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the counts, the failures that are not listed, and the entries that no longer fail."""
    entries = module.get("scope", []) + module.get("differences", [])
    tests = {test: one for test, one in outcomes.items() if one["ours"]}
    counts = {"passed": 0, "skipped": 0, "scope": 0, "differences": 0, "unlisted": 0, "others": len(outcomes) - len(tests)}
    used: set[int] = set()
    unlisted = {}
    for test, one in tests.items():
        if one["outcome"] != "failed":
            counts[one["outcome"]] += 1
            continue
        entry = next((entry for entry in entries if any(matches(pattern, test) for pattern in entry["tests"])), None)
        if entry is None and ruled_out(rules, one["message"]):
            counts["scope"] += 1
        elif entry is None:
            counts["unlisted"] += 1
            unlisted[test] = one
        else:
            counts["scope" if "rule" in entry else "differences"] += 1
            used.update(id(pattern) for pattern in entry["tests"] if matches(pattern, test))
    stale = [pattern for entry in entries for pattern in entry["tests"] if id(pattern) not in used]
    return {"counts": counts, "unlisted": unlisted, "stale": stale}


def alike(failures: dict[str, dict[str, Any]]) -> list[str]:
    """Return one line for the failures of one test function with one message."""
    found: dict[tuple[str, str], list[str]] = {}
    for test, one in failures.items():
        found.setdefault((test.partition("[")[0], " ".join(one["message"].split())[:200] + f" ({one['where']})"), []).append(test)
    return [f"{tests[0]}{f' and {len(tests) - 1} more' if len(tests) > 1 else ''}: {message}" for (_, message), tests in found.items()]


def results_table(results: dict[str, dict[str, Any]]) -> str:
    """Return the table of counts."""
    head = "| peer's test module | passed | skipped by the peer | out of scope, by rule | differences | unlisted failures |"
    lines = [head, "|---|---|---|---|---|---|"]
    for name, result in results.items():
        counts = result["counts"]
        cells = [counts[key] for key in ("passed", "skipped", "scope", "differences", "unlisted")]
        lines.append(f"| `{name}` | " + " | ".join(str(cell) for cell in cells) + " |")
    total = [sum(result["counts"][key] for result in results.values()) for key in ("passed", "skipped", "scope", "differences", "unlisted")]
    lines.append("| all | " + " | ".join(str(cell) for cell in total) + " |")
    lines += ["", f"scikit-learn {version('scikit-learn')}, imbalanced-learn {version('imbalanced-learn')}; tests that call one of our classes."]
    return "\n".join(lines) + "\n"


def entries_table(listed: dict[str, Any]) -> str:
    """Return the rules, and each difference with its reason."""
    lines = [f"- **{name}**: {rule['text']}" for name, rule in listed["rules"].items()]
    lines += ["", "| peer's test module | tests | why |", "|---|---|---|"]
    for module in listed["modules"]:
        for entry in module.get("differences", []) + module.get("scope", []):
            tests = "<br>".join(f"`{pattern.replace('|', '/')}`" for pattern in entry["tests"])
            reason = entry.get("because") or f"out of scope: {entry['rule']}"
            lines.append(f"| `{module['module']}` | {tests} | {reason} |")
    return "\n".join(lines) + "\n"


def write_page(results: dict[str, dict[str, Any]], listed: dict[str, Any]) -> None:
    """Put both tables between their markers."""
    text = PAGE.read_text(encoding="utf-8")
    for name, table in (("results", results_table(results)), ("differences", entries_table(listed))):
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        head, _, rest = text.partition(begin)
        text = f"{head}{begin}\n{table}{end}{rest.partition(end)[2]}"
    PAGE.write_text(text, encoding="utf-8")


def main() -> int:
    """Run, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="modules whose name contains this")
    parser.add_argument("--write", action="store_true", help=f"write the tables of {PAGE.relative_to(ROOT)}")
    parser.add_argument("--logs", type=Path, help="keep the logs of pytest in this folder")
    options = parser.parse_args()
    listed = yaml.safe_load(LIST.read_text(encoding="utf-8"))
    results = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.logs.resolve() if options.logs else Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for module in listed["modules"]:
            if options.only not in module["module"]:
                continue
            result = results[module["module"]] = judge(module, run(module, folder), listed["rules"])
            print(module["module"], *(f"{count} {what}" for what, count in result["counts"].items()), sep="  ", flush=True)
            for line in alike(result["unlisted"]):
                print(f"  NOT LISTED {line}", flush=True)
            for pattern in result["stale"]:
                print(f"  LISTED, BUT NO SUCH TEST FAILS: {pattern}", flush=True)
    print(results_table(results))
    if options.write and not options.only:
        write_page(results, listed)
    return int(any(result["unlisted"] or result["stale"] for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
