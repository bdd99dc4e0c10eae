"""The command ``demo``: the whole way on the bundled sample corpus."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from .console import StageProgress, note, print_json, safe
from .learning import show_scores, training_result
from .prediction import show_prediction

__all__ = ["DEMO_FOLDER", "run_demo"]

DEMO_FOLDER = "./emotion-native-demo"


def run_demo(*, output: str | None, seed: int, n_jobs: int | None, as_json: bool, quiet: bool) -> None:
    """Train on five speakers of the sample corpus and predict a clip of the sixth."""
    from .. import datasets
    from ..experiment import load_settings, train
    from ..experiment.run_folder import check_target, numbered

    started = time.monotonic()
    folder = numbered(DEMO_FOLDER) if output is None else Path(output)
    check_target(folder, force=False, caller="demo")
    chosen = {"seed": seed, "n_jobs": n_jobs, "output": str(folder), "leave_one_speaker_out": True, "target_coverage": 0.8, "cache": False}
    settings = load_settings(environment={}, flags=chosen).settings
    sample = datasets.load_sample()
    training, kept = sample[sample["split"] == "train"].reset_index(drop=True), sample[sample["split"] == "demo"].reset_index(drop=True)
    speakers, sixth = sorted(training["speaker"].unique()), str(kept["speaker"].iloc[0])
    if not as_json:
        _introduce(training, speakers, sixth, len(kept))
    with StageProgress(quiet=quiet) as progress:
        run = train(training, settings, progress=progress)
    clip, truth = str(kept["filepath"].iloc[0]), str(kept["emotion"].iloc[0])
    prediction = _predict(run.model_path, clip, n_jobs)
    following = [
        f"emotion-native predict {clip} --model-file {run.model_path}",
        f"emotion-native explain {clip} --model-file {run.model_path} --output why.png",
        "emotion-native train YOUR_MANIFEST.csv --model forest --model logistic",
    ]
    if as_json:
        last = {"filepath": clip, "speaker": sixth, "label": truth, **{f"predicted_{key}": value for key, value in prediction.to_dict().items()}}
        result = training_result(run)
        print_json({**result, "training_speakers": speakers, "demo_speaker": sixth, "prediction": last, "next": following})
        return
    show_scores(run.record, run.cross_validated, None, {}, [])
    print(f"A clip of speaker {safe(sixth)}, who took part in nothing above (spoken as: {safe(truth)}):")
    show_prediction(Path(clip).name, prediction)
    _close(run.folder, following, time.monotonic() - started)


def _predict(model_path: Path, clip: str, n_jobs: int | None) -> Any:
    from ..runtime import load_model

    return load_model(model_path).predict(clip, top_features=5, n_jobs=n_jobs)


def _introduce(training: Any, speakers: list[str], sixth: str, kept: int) -> None:
    counts = training["emotion"].value_counts().sort_index()
    print("Sample corpus: Berlin Database of Emotional Speech (EmoDB), public domain (CC0).")
    print(f"To train on: {len(training)} clips of {len(speakers)} speakers ({', '.join(map(safe, speakers))}),")
    print(f"  {', '.join(f'{safe(label)} {count}' for label, count in counts.items())}.")
    print(f"Kept apart: {kept} clips of a sixth speaker ({safe(sixth)}), used only for the prediction at the end.")
    print()


def _close(folder: Path, following: list[str], seconds: float) -> None:
    print(f"Done in {seconds:.0f} s. Results: {safe(folder)} (open {safe(folder / 'report.html')})")
    print("Try next:")
    for line in following:
        print(f"  {safe(line)}")
    note("The model describes what a recording expresses, not what a person feels.")
