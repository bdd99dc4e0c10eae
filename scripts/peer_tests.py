"""Run the peers' own test modules with our classes swapped in (scripts/peer_swap.py) and judge the failures by scripts/peer_differences.yaml.

A failure is listed if an entry names its test and one of the entry's expressions (`says`, or the `messages` of its rule) is found in its message: a
listed test that fails for another reason is not listed. A pattern that no failing test uses is stale, and so is an expression of a rule that
nothing says. Both make the exit code 1. `words` names tests that pass because an error of ours has the expected class but is about something else.
"""

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
Outcomes = dict[str, dict[str, Any]]
COLUMNS = {
    "tests": "tests of ours",
    "passed": "passed",
    "words": "of them with our words",
    "skipped": "skipped by the peer",
    "differences": "differences",
    "scope": "out of scope",
    "unlisted": "unlisted failures",
}


def swaps_of(module: dict[str, Any]) -> list[list[str]]:
    """Return (peer module, name, our module, our name) for each name that is replaced; ours may be named after an equals sign."""
    found = []
    for peer, names in module["swaps"].items():
        package = module.get("ours") or "emotion_native." + peer.partition(".")[2]
        for name in names:
            theirs, _, ours = name.partition("=")
            place, _, own = ours.rpartition(".")
            found.append([peer, theirs, place or package, own or theirs])
    return found


def run(module: dict[str, Any], folder: Path, sources: dict[str, Path]) -> Outcomes:
    """Run one test module in a process of its own and return its outcomes by test.

    A module with a `source` is the `source_file` of that peer's source tree, and runs in its root, where the test data are."""
    name = module["module"]
    report = folder / f"{name}.json"
    report.unlink(missing_ok=True)
    environment = {**os.environ, "PEER_SWAPS": json.dumps(swaps_of(module)), "PEER_REPORT": str(report)}
    environment["PYTHONPATH"] = os.pathsep.join([str(SCRIPTS), *filter(None, [environment.get("PYTHONPATH")])])
    environment.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", PYTHONHASHSEED="0")  # a peer's test walks through a set of solvers
    target, root = [str(SCRIPTS / name)] if name.endswith(".py") else ["--pyargs", name], folder
    if "source" in module:
        environment["PEER_SWAPS_STAY"] = "1"
        root = sources[module["source"]]
        target = [str(root / module["source_file"])]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "peer_swap", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(root)]
    command += ["--tb=short", "--no-header", "-W", "ignore", *module.get("options", []), *target]
    done = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, check=False)
    (folder / f"{name}.log").write_text(done.stdout + done.stderr)
    if not report.exists():
        raise SystemExit(f"{name} did not run:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return read(module, folder)


def read(module: dict[str, Any], folder: Path) -> Outcomes:
    """Return the outcomes that a run left in the folder."""
    report = json.loads((folder / f"{module['module']}.json").read_text())
    return {nodeid.partition("::")[2]: outcome for nodeid, outcome in report.items()}


def matches(pattern: str, test: str) -> bool:
    """Return whether a test is meant: the function with all its parameters, or a full name in which a star stands for anything."""
    if "[" not in pattern:
        test = test.partition("[")[0]
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), test, re.DOTALL) is not None


def entries_of(module: dict[str, Any], rules: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return every entry of a module in one form: tests, says, and a reason or a rule."""
    scope = [{"tests": tests, "says": rules[rule]["messages"], "rule": rule} for rule, tests in module.get("scope", {}).items()]
    return scope + module.get("differences", [])


def judge(module: dict[str, Any], outcomes: Outcomes, rules: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the counts, the failures that are not listed, and the patterns that no failing test uses."""
    entries = entries_of(module, rules)
    other_words = module.get("words", [])
    tests = {test: one for test, one in outcomes.items() if one["ours"]}
    counts = {**dict.fromkeys(COLUMNS, 0), "tests": len(tests), "others": len(outcomes) - len(tests)}
    used: dict[tuple[int, str], int] = {}
    unlisted = {}
    for test, one in tests.items():
        if one["outcome"] != "failed":
            counts[one["outcome"]] += 1
            counts["words"] += one["outcome"] == "passed" and bool(one["words"])
            continue
        meant = ((k, pattern) for k, entry in enumerate(entries) for pattern in entry["tests"] if said(entry, one["message"]))
        found = next((use for use in meant if matches(use[1], test)), None)
        if found is None:
            counts["unlisted"] += 1
            unlisted[test] = one
        else:
            counts["scope" if "rule" in entries[found[0]] else "differences"] += 1
            used[found] = used.get(found, 0) + 1
    stale = [pattern for k, entry in enumerate(entries) for pattern in entry["tests"] if (k, pattern) not in used]
    worded = [test for test, one in tests.items() if one["outcome"] == "passed" and one["words"]]
    stale += [pattern for entry in other_words for pattern in entry["tests"] if not any(matches(pattern, test) for test in worded)]
    numbers = [sum(used.get((k, pattern), 0) for pattern in entry["tests"]) for k, entry in enumerate(entries)]
    messages = [one["message"] for one in tests.values() if one["outcome"] == "failed"]
    heard = {text for rule in rules.values() for text in rule["messages"] if any(re.search(text, message) for message in messages)}
    return {
        "counts": counts,
        "unlisted": unlisted,
        "stale": stale,
        "entries": list(zip(entries, numbers, strict=True)),
        "heard": heard,
        "words": other_words,
    }


def said(entry: dict[str, Any], message: str) -> bool:
    """Return whether a failure is of the kind that the entry is about."""
    return any(re.search(expression, message) for expression in entry["says"])


def alike(failures: Outcomes, rules: dict[str, dict[str, Any]]) -> list[str]:
    """Return one line for the failures of one test function with one message, with the rules whose words it has."""
    found: dict[tuple[str, str], list[str]] = {}
    for test, one in failures.items():
        rule = [name for name, rule in rules.items() if said({"says": rule["messages"]}, one["message"])]
        text = " ".join(one["message"].split())[:200] + f" ({one['where']})" + (f" [{', '.join(rule)}?]" if rule else "")
        found.setdefault((test.partition("[")[0], text), []).append(test)
    return [f"{tests[0]}{f' and {len(tests) - 1} more' if len(tests) > 1 else ''}: {message}" for (_, message), tests in found.items()]


def results_table(results: dict[str, dict[str, Any]]) -> str:
    """Return the table of counts."""
    lines = ["| peer's test module | " + " | ".join(COLUMNS.values()) + " |", "|---|" + "---|" * len(COLUMNS)]
    for name, result in results.items():
        lines.append(f"| `{name}` | " + " | ".join(str(result["counts"][key]) for key in COLUMNS) + " |")
    lines.append("| all | " + " | ".join(str(sum(result["counts"][key] for result in results.values())) for key in COLUMNS) + " |")
    lines += ["", f"scikit-learn {version('scikit-learn')}, imbalanced-learn {version('imbalanced-learn')}, librosa {version('librosa')}."]
    return "\n".join(lines) + "\n"


def entries_table(results: dict[str, dict[str, Any]], rules: dict[str, dict[str, Any]]) -> str:
    """Return the rules, each difference with its reason, and what each rule covers."""
    lines = ["| peer's test module | tests | failures | why |", "|---|---|---|---|"]
    covered = []
    for name, result in results.items():
        for entry, number in result["entries"]:
            tests = "<br>".join(f"`{pattern.replace('|', '/')}`" for pattern in entry["tests"])
            if "rule" in entry:
                covered.append(f"| {entry['rule']} | `{name}` | {tests} | {number} |")
            else:
                lines.append(f"| `{name}` | {tests} | {number} | {entry['because']} |")
        for entry in result["words"]:
            lines.append(f"| `{name}` | {'<br>'.join(f'`{pattern}`' for pattern in entry['tests'])} | passes | {entry['because']} |")
    lines += ["", "Out of scope:", "", *(f"- **{name}**: {rule['text']}" for name, rule in rules.items())]
    lines += ["", "| rule | peer's test module | tests | failures |", "|---|---|---|---|", *sorted(covered)]
    return "\n".join(lines) + "\n"


def write_page(results: dict[str, dict[str, Any]], rules: dict[str, dict[str, Any]]) -> None:
    """Put both tables between their markers."""
    text = PAGE.read_text(encoding="utf-8")
    for name, table in (("results", results_table(results)), ("differences", entries_table(results, rules))):
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        head, _, rest = text.partition(begin)
        text = f"{head}{begin}\n{table}{end}{rest.partition(end)[2]}"
    PAGE.write_text(text, encoding="utf-8")


def main() -> int:
    """Run, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="modules whose name contains this")
    parser.add_argument("--write", action="store_true", help=f"write the tables of {PAGE.relative_to(ROOT)}")
    parser.add_argument("--words", action="store_true", help="print where our words stand for the peer's")
    parser.add_argument("--logs", type=Path, help="keep the logs of pytest and the outcomes in this folder")
    parser.add_argument("--librosa", type=Path, help="librosa's source tree with its test data; without it, librosa's modules are left out")
    parser.add_argument("--judge", action="store_true", help="judge the outcomes that --logs kept instead of running anything")
    options = parser.parse_args()
    listed = yaml.safe_load(LIST.read_text(encoding="utf-8"))
    rules = listed["rules"]
    sources = {"librosa": options.librosa.resolve()} if options.librosa else {}
    results, left_out = {}, []
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.logs.resolve() if options.logs else Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for module in listed["modules"]:
            if options.only not in module["module"]:
                continue
            if "source" in module and module["source"] not in sources and not options.judge:
                left_out.append(module["module"])
                continue
            outcomes = read(module, folder) if options.judge else run(module, folder, sources)
            result = results[module["module"]] = judge(module, outcomes, rules)
            print(module["module"], *(f"{count} {what}" for what, count in result["counts"].items()), sep="  ", flush=True)
            for line in alike(result["unlisted"], rules):
                print(f"  NOT LISTED {line}", flush=True)
            for pattern in result["stale"]:
                print(f"  LISTED, BUT NO SUCH TEST FAILS: {pattern}", flush=True)
            for test, one in outcomes.items() if options.words else ():
                for pair in one["words"]:
                    print(f"  WORDS {test}: {pair[0]!r} | {pair[1][:200]!r}", flush=True)
    heard = {text for result in results.values() for text in result["heard"]}
    for name in left_out:
        print(f"  LEFT OUT, its source is not given: {name}", flush=True)
    unsaid = [] if options.only or left_out else [text for rule in rules.values() for text in rule["messages"] if text not in heard]
    for expression in unsaid:
        print(f"  A RULE'S EXPRESSION, BUT NO FAILURE SAYS IT: {expression}", flush=True)
    print(results_table(results))
    if options.write and not options.only and not left_out:
        write_page(results, rules)
    return int(bool(unsaid) or any(result["unlisted"] or result["stale"] for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
