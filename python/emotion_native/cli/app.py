"""The commands and their options. Bodies live in the modules beside this one and load when a command runs."""

from __future__ import annotations

from typing import Annotated, Any

import typer

__all__ = ["app"]

app = typer.Typer(
    name="emotion-native",
    help="Emotion recognition from audio: leakage-free training, calibrated predictions that may abstain, exact explanations.\n\n"
    "Results go to stdout, progress and notes to stderr. Every command takes --help; --debug shows the traceback of an error.",
    epilog="Start with: emotion-native demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]
Enrol = Annotated[
    list[str] | None,
    typer.Option("--enrol", help="Another clip of the one speaker of all clips, or a folder; repeat. For models that normalise by speaker."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
Jobs = Annotated[int | None, typer.Option("--n-jobs", help="Threads; default: all cores that this process may use. Results do not depend on it.")]
Manifest = Annotated[str, typer.Argument(help="Manifest: CSV or Parquet with filepath, label, modality, speaker.")]
Cache = Annotated[
    str | None, typer.Option("--cache", help="Folder to keep extracted features in; default: the user's cache folder. A second run reads them.")
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Keep no features.")]
ModelFile = Annotated[
    str | None, typer.Option("--model-file", "-m", help="Model file or run folder; default: the model that ships with the package.")
]


def _version(value: bool) -> None:
    if value:
        from .._version import __version__

        typer.echo(f"emotion-native {__version__}")
        raise typer.Exit()


def _names(text: str | None, flag: str) -> list[str] | None:
    """Read a comma-separated list; an empty one would silently mean that the flag was not given."""
    if text is None:
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise typer.BadParameter(f"{flag} must name at least one; got {text!r}")
    return names


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")] = False,
) -> None:
    pass


@app.command()
def demo(
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="Folder to make; default ./emotion-native-demo, numbered if that exists.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of everything random.", min=0)] = 0,
    n_jobs: Jobs = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run the whole way on the bundled sample corpus: from clips to a calibrated model and a prediction.

    \b
    Examples:
      emotion-native demo
      emotion-native demo --output demo-results --json
    """
    from .demo import run_demo

    run_demo(output=output, seed=seed, n_jobs=n_jobs, as_json=json, quiet=quiet)


@app.command()
def manifest(
    corpus: Annotated[str, typer.Argument(help="ravdess, emodb, emovo or crema_d.")],
    folder: Annotated[str, typer.Argument(help="Folder with the corpus's files.")],
    output: Annotated[str, typer.Option("--output", "-o", help="File to write: .csv or .parquet.")] = "manifest.csv",
    skip_unmatched: Annotated[bool, typer.Option("--skip-unmatched", help="Leave out media files with other names instead of an error.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    json: Json = False,
) -> None:
    """Make a manifest from the file names of a known corpus.

    \b
    Examples:
      emotion-native manifest ravdess ~/corpora/RAVDESS -o manifest.csv
      emotion-native manifest emodb ~/corpora/emodb/wav -o emodb.parquet
    """
    from .corpus import make_manifest

    make_manifest(corpus, folder, output, skip_unmatched=skip_unmatched, force=force, as_json=json)


@app.command()
def validate(manifest: Manifest, n_jobs: Jobs = None, json: Json = False, quiet: Quiet = False) -> None:
    """Check a manifest and the files it names. Exit code 1 if there are errors.

    \b
    Examples:
      emotion-native validate manifest.csv
      emotion-native validate manifest.csv --json | jq .issues
    """
    from .corpus import validate_manifest

    validate_manifest(manifest, n_jobs=n_jobs, as_json=json, quiet=quiet)


@app.command()
def extract(
    manifest: Manifest,
    output: Annotated[str, typer.Option("--output", "-o", help="Feature table to write: .parquet or .csv.")] = "features.parquet",
    features: Annotated[str, typer.Option("--features", help="Feature sets: classic, egemaps, full, quality; several joined by +.")] = "classic",
    quality: Annotated[str, typer.Option("--quality", help="What becomes of clipped, noisy, nearly speechless clips: flag, drop or off.")] = "flag",
    sample_rate_hz: Annotated[int, typer.Option("--sample-rate-hz", help="Sampling rate that clips are brought to.", min=4000, max=192000)] = 16000,
    cache: Cache = None,
    no_cache: NoCache = False,
    fail_threshold: Annotated[float, typer.Option("--fail-threshold", help="Share of clips that may fail.", min=0.0, max=1.0)] = 0.1,
    force: Annotated[bool, typer.Option("--force", help="Replace the table if it exists.")] = False,
    n_jobs: Jobs = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Extract the features of every clip into a table. Failed clips keep their row, with a reason code.

    \b
    Examples:
      emotion-native extract manifest.csv -o features.parquet
      emotion-native extract manifest.csv -o features.parquet --cache .cache --fail-threshold 0.02
      emotion-native extract manifest.csv -o features.parquet --features egemaps+quality
    """
    from .corpus import extract_features

    extract_features(
        manifest,
        output,
        features=features,
        quality=quality,
        sample_rate_hz=sample_rate_hz,
        cache=False if no_cache else cache or True,
        fail_threshold=fail_threshold,
        force=force,
        n_jobs=n_jobs,
        as_json=json,
        quiet=quiet,
    )


@app.command()
def train(
    manifest: Annotated[str | None, typer.Argument(help="Manifest or feature table; may also stand in the settings file.")] = None,
    config: Annotated[str | None, typer.Option("--config", "-c", help="Settings file (YAML).")] = None,
    output: Annotated[str | None, typer.Option("--output", "-o", help="Run folder to make; default ./emotion-native-run.")] = None,
    force: Annotated[bool | None, typer.Option("--force", help="Replace the run folder if it exists.")] = None,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", help="forest, extra_trees, gradient_boosting, logistic or ensemble; repeat to compare in nested folds."),
    ] = None,
    features: Annotated[
        str | None, typer.Option("--features", help="Feature sets to extract: classic, egemaps, full, quality; several joined by +.")
    ] = None,
    test_speakers: Annotated[str | None, typer.Option("--test-speakers", help="Speakers to hold out for a second evaluation: a,b.")] = None,
    split_file: Annotated[str | None, typer.Option("--split-file", help="CSV with filepath or speaker, and split (train, test, unused).")] = None,
    folds: Annotated[int | None, typer.Option("--folds", help="Outer cross-validation folds.")] = None,
    leave_one_speaker_out: Annotated[bool | None, typer.Option("--leave-one-speaker-out", help="One fold a speaker (a group).")] = None,
    published_folds: Annotated[str | None, typer.Option("--published-folds", help="Folds of a publication: ravdess/luna-jimenez.")] = None,
    folds_file: Annotated[str | None, typer.Option("--folds-file", help="Folds from a split file, such as another run's folds.split.json.")] = None,
    select_k_best: Annotated[int | None, typer.Option("--select-k-best", help="Keep this many columns, chosen in each training fold.")] = None,
    sampling: Annotated[
        str | None, typer.Option("--sampling", help="Inside training folds: random_over, smote, borderline_smote, random_under or none.")
    ] = None,
    calibration: Annotated[str | None, typer.Option("--calibration", help="temperature, sigmoid, isotonic or none.")] = None,
    prior_correction: Annotated[
        bool | None,
        typer.Option("--prior-correction", help="Before the calibration, take back what --sampling did to the shares of the classes (Bayes' rule)."),
    ] = None,
    target_coverage: Annotated[float | None, typer.Option("--target-coverage", help="Share of clips to answer; the others abstain.")] = None,
    target_accuracy: Annotated[float | None, typer.Option("--target-accuracy", help="Accuracy to reach on answered clips instead.")] = None,
    abstention_cost: Annotated[
        float | None, typer.Option("--abstention-cost", help="Cost of no answer where a wrong one costs 1, instead: the mean cost is made least.")
    ] = None,
    out_of_distribution_rate: Annotated[
        float | None,
        typer.Option("--out-of-distribution-rate", help="No answer on clips unlike the training clips; share of a new speaker's clips it may hit."),
    ] = None,
    labels: Annotated[str | None, typer.Option("--labels", help="Labels to keep: a,b,c.")] = None,
    format: Annotated[list[str] | None, typer.Option("--format", help="emotion, pkl; repeat for both. pkl adds classifier.pkl.")] = None,
    cache: Cache = None,
    no_cache: NoCache = False,
    fail_threshold: Annotated[float | None, typer.Option("--fail-threshold", help="Share of clips that may fail.")] = None,
    allow_ungrouped: Annotated[
        bool | None, typer.Option("--allow-ungrouped", help="Split rows without groups; reports say so in the first line.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of everything random.")] = None,
    repeats: Annotated[
        int | None, typer.Option("--repeats", help="Cross-validate so often, with seed, seed + 1, …; the report shows the spread.")
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Any other setting: NAME=VALUE, as in forest.n_estimators=500. Repeat.")] = None,
    n_jobs: Jobs = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print all settings, those left at their defaults too.")] = False,
) -> None:
    """Train with speaker-grouped cross-validation; write scores, figures, a report and the model into a run folder.

    Settings come from defaults, the file, EMOTION_NATIVE_* variables, then flags; the last word wins.

    \b
    Examples:
      emotion-native train manifest.csv -o runs/first
      emotion-native train manifest.csv --model logistic --features egemaps --set augmentation.copies=2
      emotion-native train manifest.csv --model forest --model logistic --test-speakers ravdess/01,ravdess/02
      emotion-native train features.parquet --leave-one-speaker-out --target-accuracy 0.9
      emotion-native train features.parquet --abstention-cost 0.3 --out-of-distribution-rate 0.1
      emotion-native train features.parquet --sampling random_over --prior-correction --calibration sigmoid
      emotion-native train ravdess.parquet --published-folds ravdess/luna-jimenez --model gradient_boosting
      emotion-native train features.parquet --folds-file runs/first/folds.split.json --sampling smote --repeats 5
      emotion-native train --config configs/custom_trainer.yaml --set forest.n_estimators=500
    """
    no_settings = ("config", "json", "quiet", "verbose", "set_", "test_speakers", "labels", "no_cache")
    flags: dict[str, Any] = {name: value for name, value in locals().items() if name not in (*no_settings, "no_settings")}
    flags["test_speakers"] = _names(test_speakers, "--test-speakers")
    if no_cache:
        flags["cache"] = False
    flags["labels"] = _names(labels, "--labels")
    from .learning import run_training

    given = {name: value for name, value in flags.items() if value is not None and value != []}
    run_training(config, given, set_ or [], as_json=json, quiet=quiet, verbose=verbose)


@app.command()
def evaluate(
    model_file: Annotated[str, typer.Argument(help="Model file, or the run folder that holds it.")],
    manifest: Manifest,
    output: Annotated[str | None, typer.Option("--output", "-o", help="Folder to make with figures, tables and a report.")] = None,
    cache: Cache = None,
    no_cache: NoCache = False,
    fail_threshold: Annotated[float, typer.Option("--fail-threshold", help="Share of clips that may fail.", min=0.0, max=1.0)] = 0.1,
    allow_seen: Annotated[
        bool, typer.Option("--allow-seen", help="Score speakers and clips that the model was trained on; the report says so.")
    ] = False,
    enrol: Annotated[
        bool, typer.Option("--enrol", help="Normalise each clip by the other clips of its speaker, where the model takes that; the report says so.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the folder if it exists.")] = False,
    n_jobs: Jobs = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Score a model on clips of speakers that it has never heard. Speakers or clips of its training are refused (exit code 5).

    \b
    Examples:
      emotion-native evaluate runs/first/model.emotion new_speakers.csv -o runs/first-on-new
    """
    from .learning import run_evaluation

    run_evaluation(
        model_file,
        manifest,
        output=output,
        cache=False if no_cache else cache or True,
        fail_threshold=fail_threshold,
        allow_seen=allow_seen,
        enrol=enrol,
        force=force,
        n_jobs=n_jobs,
        as_json=json,
        quiet=quiet,
    )


@app.command()
def predict(
    clips: Annotated[list[str], typer.Argument(help="Audio files, or folders of them.")],
    model_file: ModelFile = None,
    enrol: Enrol = None,
    top_features: Annotated[int, typer.Option("--top-features", help="Columns that drove the prediction to show.", min=0, max=1000)] = 3,
    fail_threshold: Annotated[float, typer.Option("--fail-threshold", help="Share of clips that may fail.", min=0.0, max=1.0)] = 0.0,
    trust_pickle: Annotated[bool, typer.Option("--trust-pickle", help="Read a .pkl model; that runs code from the file.")] = False,
    n_jobs: Jobs = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Predict the expressed emotion of clips, with calibrated confidence; low confidence abstains.

    \b
    Examples:
      emotion-native predict clip.wav
      emotion-native predict *.wav --model-file runs/first/model.emotion --json
      emotion-native predict clips/ --model-file runs/first
      emotion-native predict take7.wav --model-file runs/first --enrol take1.wav --enrol take2.wav
    """
    from .prediction import predict_clips

    predict_clips(
        clips,
        model_file,
        enrol=enrol,
        top_features=top_features,
        fail_threshold=fail_threshold,
        n_jobs=n_jobs,
        trust_pickle=trust_pickle,
        as_json=json,
        quiet=quiet,
    )


@app.command()
def explain(
    clip: Annotated[str, typer.Argument(help="Audio file.")],
    model_file: ModelFile = None,
    enrol: Enrol = None,
    label: Annotated[str | None, typer.Option("--label", help="Class to explain; default: the predicted one.")] = None,
    top: Annotated[int, typer.Option("--top", help="Columns to show.", min=1, max=1000)] = 10,
    output: Annotated[str | None, typer.Option("--output", "-o", help="Picture to write (.png).")] = None,
    calibrated: Annotated[
        bool, typer.Option("--calibrated", help="Explain the calibrated probability, by permutation against the model's background rows.")
    ] = False,
    trust_pickle: Annotated[bool, typer.Option("--trust-pickle", help="Read a .pkl model; that runs code from the file.")] = False,
    json: Json = False,
) -> None:
    """Show which features drove a prediction (exact SHAP values, before calibration).

    \b
    Examples:
      emotion-native explain clip.wav
      emotion-native explain clip.wav --label angry --output why.png
      emotion-native explain clip.wav --calibrated
    """
    from .prediction import explain_clip

    explain_clip(clip, model_file, label=label, top=top, output=output, enrol=enrol, as_json=json, calibrated=calibrated, trust_pickle=trust_pickle)


@app.command()
def report(
    run: Annotated[str, typer.Argument(help="Run folder made by train, evaluate or demo.")],
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Write the figures, tables and report again from the folder's numbers.")] = False,
    json: Json = False,
) -> None:
    """Show the scores of a run folder.

    \b
    Examples:
      emotion-native report runs/first
      emotion-native report runs/first --rebuild
    """
    from .learning import show_report

    show_report(run, rebuild=rebuild, as_json=json)


@app.command(name="model-card")
def model_card(
    source: Annotated[str, typer.Argument(help="Run folder made by train or demo, or a model file.")],
    output: Annotated[str | None, typer.Option("--output", "-o", help="File to write, .md or .html; default: Markdown on stdout.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    json: Json = False,
) -> None:
    """Write the model card: intended use, training data and licences, scores with intervals, calibration, abstention, versions.

    \b
    Examples:
      emotion-native model-card runs/first
      emotion-native model-card runs/first/model.emotion -o card.html
    """
    from .publishing import write_model_card

    write_model_card(source, output, force=force, as_json=json)


@app.command()
def export(
    model_file: Annotated[str, typer.Argument(help="Model file.")],
    output: Annotated[str, typer.Option("--output", "-o", help="File to write: .onnx.")] = "model.onnx",
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    json: Json = False,
) -> None:
    """Write a model as an ONNX graph, with its preprocessing, calibration and threshold. Needs the package onnx.

    \b
    Examples:
      emotion-native export runs/first/model.emotion -o model.onnx
    """
    from .publishing import export_model

    export_model(model_file, output, force=force, as_json=json)


@app.command()
def compare(
    runs: Annotated[list[str], typer.Argument(help="Two or more run folders made by train, evaluate or demo on the same clips.")],
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", help="Score to compare; default balanced_accuracy. Repeat for more: each is one more test to correct for."),
    ] = None,
    level: Annotated[float, typer.Option("--level", help="1 - the chance of any false alarm.")] = 0.95,
    output: Annotated[str | None, typer.Option("--output", "-o", help="Folder to make with the figure, tables and a page.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the folder if it exists.")] = False,
    n_jobs: Jobs = None,
    json: Json = False,
) -> None:
    """Compare runs over speakers: which differences are real, and which could not be seen with so few speakers.

    \b
    Examples:
      emotion-native compare runs/forest runs/boosting
      emotion-native compare runs/* --metric macro_f1 --metric log_loss -o runs/comparison
    """
    from .learning import run_comparison

    run_comparison(runs, metrics=metric or ["balanced_accuracy"], level=level, output=output, force=force, n_jobs=n_jobs, as_json=json)


@app.command()
def doctor(json: Json = False) -> None:
    """Check the installation: Python, the native core, threads, packages, disk, fonts, the default model.

    \b
    Examples:
      emotion-native doctor
    """
    from .doctor import run_doctor

    run_doctor(as_json=json)
