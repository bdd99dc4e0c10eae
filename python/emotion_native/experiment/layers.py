"""Settings from several places: defaults, then a YAML file, then ``EMOTION_NATIVE_*`` variables, then flags; the last word wins."""

from __future__ import annotations

import difflib
import os
import re
import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from .._remedies import did_you_mean, suggestion
from .._validation import check_path
from ..exceptions import InvalidInputError
from .settings import Settings

__all__ = ["ENVIRONMENT_PREFIX", "LayeredSettings", "flag_value", "load_settings", "settings_from", "settings_of_table"]

ENVIRONMENT_PREFIX = "EMOTION_NATIVE_"
# Variables with the prefix that are no settings of a run.
OTHER_VARIABLES = frozenset({"EMOTION_NATIVE_DEBUG"})
# Of each pair a layer that sets one name takes back what a layer below said about the other.
_OUTER = ("folds", "leave_one_speaker_out", "published_folds", "folds_file")
RIVALS = (
    ("target_coverage", "target_accuracy"),
    ("target_coverage", "abstention_cost"),
    ("target_accuracy", "abstention_cost"),
    ("test_speakers", "split_file"),
    ("repeats", "seeds"),
    ("seed", "seeds"),
    *((one, other) for place, one in enumerate(_OUTER) for other in _OUTER[place + 1 :]),
)
MAX_FILE_BYTES = 1_000_000
_REPR = reprlib.Repr()
_REPR.maxlevel, _REPR.maxstring, _REPR.maxother, _REPR.maxlong = 2, 80, 80, 80


@dataclass(frozen=True)
class LayeredSettings:
    """Effective settings and where each value came from.

    Attributes
    ----------
    settings : Settings
        The effective settings.
    origins : dict of str to str
        For each dotted name ``default``, a file's name, an environment variable or ``flag``.
    """

    settings: Settings
    origins: dict[str, str]

    def table(self) -> list[tuple[str, str, str]]:
        """Return (name, value, origin) for each setting, sections as dotted names."""
        return [(name, _shown(value), self.origins.get(name, "default")) for name, value in _flatten(self.settings.model_dump()).items()]


def load_settings(
    file: str | Path | None = None, *, environment: Mapping[str, str] | None = None, flags: Mapping[str, Any] | None = None
) -> LayeredSettings:
    """Join the layers of settings and check them.

    Parameters
    ----------
    file : path or None
        A YAML file with a mapping at the top.
    environment : mapping or None
        Variables ``EMOTION_NATIVE_NAME`` (sections as ``EMOTION_NATIVE_FOREST__N_ESTIMATORS``); None reads the process environment.
    flags : mapping or None
        Values that overrule the others, None (null) included: leave out flags that were not given. Sections may be mappings or dotted names.

    Raises
    ------
    InvalidInputError
        For an unknown name (the message suggests the nearest), a value that breaks its rule, or a file that is not readable YAML.

    Examples
    --------
    >>> from emotion_native.experiment import load_settings
    >>> layered = load_settings(environment={"EMOTION_NATIVE_FOLDS": "3"}, flags={"seed": 7})
    >>> layered.settings.folds, layered.settings.seed, layered.origins["folds"]
    (3, 7, 'EMOTION_NATIVE_FOLDS')
    """
    layers: list[dict[str, tuple[Any, str]]] = []
    if flags is not None and not isinstance(flags, Mapping):
        raise InvalidInputError(f"flags of load_settings must be a mapping or None; got {_REPR.repr(flags)}")
    if file is not None:
        layers.append(
            {name: (value, str(file)) for name, value in _flatten(_read_yaml(check_path(file, parameter="file", caller="load_settings"))).items()}
        )
    layers.append(_from_environment(os.environ if environment is None else environment))
    layers.append({name: (value, "flag") for name, value in _flatten(dict(flags or {})).items()})
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for layer in layers:
        _refuse_unknown(layer)
        for pair in RIVALS:
            for ours, theirs in (pair, pair[::-1]):
                if ours in layer and theirs not in layer and not any(layer[ours][0] is none for none in (None, False)) and layer[ours][0] != []:
                    values.pop(theirs, None)
                    origins.pop(theirs, None)
        for name, (value, origin) in layer.items():
            values[name], origins[name] = value, origin
    return LayeredSettings(_validated(values, origins, "load_settings"), origins)


def settings_from(values: Mapping[str, Any], caller: str) -> Settings:
    """Return the settings of one mapping that a caller in Python gave; its messages name the caller."""
    layer = {name: (value, caller) for name, value in _flatten(values).items()}
    _refuse_unknown(layer)
    return _validated({name: value for name, (value, _) in layer.items()}, dict.fromkeys(layer, caller), caller)


def settings_of_table(source: Any, settings: Settings) -> Settings:
    """Return the settings with the feature sets and the rate of the feature table that is to be trained on; of a manifest, as they are.

    Raises
    ------
    InvalidInputError
        If ``features`` or ``sample_rate_hz`` was given and is not what made the table: its columns are what is learned, whatever is asked for.
    """
    extractor = source.extractor if hasattr(source, "extractor") else None
    if not extractor:  # a manifest; or columns of unknown make, which no setting describes
        return settings
    held: dict[str, Any] = {"features": str(extractor["feature_set"]).split("+"), "sample_rate_hz": int(extractor["sample_rate_hz"])}
    asked = {name: getattr(settings, name) for name in held if name in settings.model_fields_set}
    if "features" in asked and set(asked["features"]) == set(held["features"]):  # the order of the table's columns is the table's
        del asked["features"]
    for name, value in asked.items():
        if value != held[name]:
            remedy = "leave it out, or extract the features from the manifest again"
            raise InvalidInputError(f"{name} of train must be the feature table's, {_shown(held[name])}; got {_shown(value)}: {remedy}")
    return settings.model_copy(update=held)


def _known(model: type[BaseModel] = Settings, prefix: str = "") -> dict[str, Any]:
    """Return each setting's dotted name and its type."""
    names: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names.update(_known(field.annotation, f"{prefix}{name}."))
        else:
            names[prefix + name] = field.annotation
    return names


def _sections() -> set[str]:
    return {name.split(".")[0] for name in _known() if "." in name}


def _flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and (name in _sections() or not prefix):
            flat.update(_flatten(value, f"{name}.") or ({} if name in _sections() else {name: value}))
        else:
            flat[name] = value
    return flat


def _refuse_unknown(layer: Mapping[str, tuple[Any, str]]) -> None:
    known = _known()
    for name, (value, origin) in layer.items():
        if name in known:
            continue
        if name in _sections():
            raise InvalidInputError(f"{name} of {origin} must be a mapping of its parameters; got {_REPR.repr(value)}")
        shown = origin if origin.startswith(ENVIRONMENT_PREFIX) else name
        raise InvalidInputError(f"{shown} of {_place(origin)} must be a known setting; got an unknown name{_nearest(name, known, origin)}")


def _place(origin: str) -> str:
    return {"flag": "the flags"}.get(origin, "the environment" if origin.startswith(ENVIRONMENT_PREFIX) else origin)


def _nearest(name: str, known: Iterable[str], origin: str) -> str:
    near = _suggested(name, list(known))
    if near is None:
        return "; `docs/reference/settings.md` lists the names"
    return suggestion([_variable(near) if origin.startswith(ENVIRONMENT_PREFIX) else near])


def _suggested(name: str, known: list[str]) -> str | None:
    """Return the setting that an unknown name is likely to mean: first by how it is spelt, then by the words of its description.

    Names of a section are compared without the section, which all of them share and which would make any two of them look alike.
    """
    section, _, key = name.rpartition(".")
    if section in _sections():
        own = {other.partition(".")[2]: other for other in known if other.startswith(f"{section}.")}
        near = difflib.get_close_matches(key, own, n=1, cutoff=0.6)
        return own[near[0]] if near else _described_by(key, own.values())
    choices = known + sorted(_sections())
    near = difflib.get_close_matches(name, choices, n=1, cutoff=0.5) or difflib.get_close_matches(key, choices, n=1, cutoff=0.5)
    return near[0] if near else _described_by(key, choices)


def _described_by(key: str, names: Iterable[str]) -> str | None:
    """Return the first setting whose description holds the word, such as ``trees`` for ``n_estimators``."""
    for name in names:
        section, _, own = name.rpartition(".")
        model = Settings.model_fields[section].annotation if section else Settings
        description = (model.model_fields[own].description or "") if isinstance(model, type) and issubclass(model, BaseModel) else ""
        if len(key) > 3 and key.lower() in re.findall(r"[a-z]+", description.lower()):
            return name
    return None


def _variable(name: str) -> str:
    return ENVIRONMENT_PREFIX + name.replace(".", "__").upper()


def _from_environment(environment: Mapping[str, str]) -> dict[str, tuple[Any, str]]:
    by_variable = {_variable(name): (name, annotation) for name, annotation in _known().items()}
    layer: dict[str, tuple[Any, str]] = {}
    for variable in sorted(environment):
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable in OTHER_VARIABLES:
            continue
        if variable in by_variable:
            name, annotation = by_variable[variable]
            layer[name] = (_parsed(environment[variable], annotation), variable)
        else:
            layer[variable.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", ".")] = (environment[variable], variable)
    return layer


def flag_value(name: str, text: str) -> Any:
    """Return what ``NAME=TEXT`` on the command line gives: a YAML value; plain text for a setting that is a list is a list with commas.

    Examples
    --------
    >>> flag_value("augmentation.snr_db", "5,30")
    ['5', '30']
    >>> flag_value("labels", "sad,happy"), flag_value("labels", "['sad, or not']"), flag_value("folds", "3")
    (['sad', 'happy'], ['sad, or not'], 3)
    """
    import yaml

    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):  # ValueError: a date such as 2024-99-99
        value = text
    # A number or a truth value is the text that it was, and so is a text without YAML's quotes, which keep a comma.
    plain = not isinstance(value, list | dict) and value is not None and (not isinstance(value, str) or value == text.strip())
    annotation = _known().get(name)
    commas = getattr(annotation, "__origin__", None) is list or (isinstance(value, str) and _is_pair(annotation))
    return _parsed(text, annotation) if plain and commas else value


def _is_pair(annotation: Any) -> bool:
    """Return whether a setting is two numbers, or null."""
    choices = get_args(annotation)
    return ... not in choices and any(get_args(choice) == (float, float) for choice in (annotation, *choices))


def _parsed(text: str, annotation: Any) -> Any:
    """Read an environment variable: lists and pairs are comma-separated, text stays text, everything else is a YAML scalar."""
    import yaml

    origin = getattr(annotation, "__origin__", None)
    if origin is list:
        return [part.strip() for part in text.split(",") if part.strip()]
    if annotation is str or (str in get_args(annotation) and type(None) in get_args(annotation) and text.lower() not in ("null", "none", "")):
        return text
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):  # ValueError: a date such as 2024-99-99
        return text
    if isinstance(value, str) and "," in value and _is_pair(annotation):
        return [part.strip() for part in value.split(",")]
    return None if isinstance(value, str) and value.lower() == "none" and type(None) in get_args(annotation) else value


def _read_yaml(path: Path) -> dict[str, Any]:
    import yaml

    if path.exists() and not path.is_file() and not path.is_dir():  # a pipe or a device, whose end never comes
        raise InvalidInputError(f"file of load_settings must be a regular file; got {path}")
    if path.is_file() and path.stat().st_size > MAX_FILE_BYTES:
        raise InvalidInputError(f"file of load_settings must be smaller than {MAX_FILE_BYTES:,} bytes; got {path}")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInputError(f"file of load_settings must be a readable YAML file; got {path} ({error.strerror})") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: other bytes than UTF-8, or a date such as 2024-99-99
        where = getattr(error, "problem_mark", None)
        place = f", line {where.line + 1}" if where is not None else ""
        raise InvalidInputError(f"file of load_settings must be a readable YAML file; got {path}{place} ({_first_line(error)})") from None
    if content is None:
        return {}
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise InvalidInputError(f"file of load_settings must hold `name: value` lines; got {path} with a {type(content).__name__} at the top")
    return content


def _first_line(error: Exception) -> str:
    return (getattr(error, "problem", None) or str(error) or type(error).__name__).splitlines()[0]


def _validated(values: Mapping[str, Any], origins: Mapping[str, str], caller: str) -> Settings:
    nested: dict[str, Any] = {}
    for name, value in values.items():
        section, _, key = name.partition(".")
        if key:
            nested.setdefault(section, {})[key] = value
        else:
            nested[section] = value
    try:
        return Settings.model_validate(nested)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = [str(part) for part in problem["loc"]]
        name = next((".".join(place[:n]) for n in (2, 1) if ".".join(place[:n]) in values), ".".join(place[:1]))
        rule = problem["msg"][0].lower() + problem["msg"][1:]
        rule = rule.removeprefix("value error, ").removeprefix("input should be ")
        value = problem["input"]
        if problem["type"] == "tuple_type":
            rule = "two numbers, as in [5, 30]" if _is_pair(_known().get(name)) else "a list of pairs in brackets, as in [[300, 3400], [50, 7000]]"
            value = values.get(name, value)
        if name in _sections() and (own := re.fullmatch(r"(\w+) of \w+ must be (.+); got .*", rule, re.DOTALL)):
            name, rule = f"{name}.{own[1]}", own[2]  # the rule of the class that a section's values are for
            value = values.get(name, value)
        if not name:  # a rule about several settings, which it names
            named = set(re.findall(r"\w+", rule))
            given = [f"{key} = {_REPR.repr(value)}" for key, value in values.items() if key.rpartition(".")[2] in named]
            raise InvalidInputError(f"settings of {caller} must be consistent: {rule}; got {', '.join(given) or 'other values'}") from None
        found = f"{_REPR.repr(value)}{_near_choice(name, problem)}"
        raise InvalidInputError(f"{name} of {_place(origins.get(name, 'flag'))} must be {rule}; got {found}") from None


def _near_choice(name: str, problem: Mapping[str, Any]) -> str:
    """Return the end of a message about a value that is none of a setting's choices."""
    from ..metrics._names import near_measures

    choices = re.findall(r"'([^']+)'", str(problem.get("ctx", {}).get("expected", ""))) if problem["type"] == "literal_error" else []
    return (near_measures if name == "selection_metric" else did_you_mean)(problem["input"], choices) if choices else ""


def _shown(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, (list, tuple)) and any(isinstance(part, tuple) for part in value):
        return "[" + ", ".join(map(_shown, value)) + "]"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(str, value)) + "]"
    return str(value)
