"""Who gets what of ``params``: the channel of our own steps, and scikit-learn's metadata routing where that is switched on."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sklearn import get_config
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing

from ..exceptions import InvalidInputError, InvalidTypeError
from ._fit import fit_params_of
from ._scorers import refuse_metric

_ROUTED = "get_metadata_routing"
_CHANNEL = ("sample_weight", "groups", "speaker", "recording", "modality")  # what our own pipelines always get


@dataclass(frozen=True)
class Routed:
    """Arguments by consumer, all with every row still there.

    Attributes
    ----------
    groups : array-like or None
        Of the split and of steps that ask for them.
    fit : dict
        Arguments of ``fit``.
    split : dict
        Further arguments of the splitter.
    score : dict of dict
        Further arguments of each scorer, by its name.
    """

    groups: Any
    fit: dict[str, Any]
    split: dict[str, Any] = field(default_factory=dict)
    score: dict[str, dict[str, Any]] = field(default_factory=dict)


def route(
    estimator: Any, cv: Any, scorers: Mapping[str, Callable[..., Any]], params: Mapping[str, Any] | None, groups: Any, *, caller: str
) -> Routed:
    """Return the arguments of each consumer.

    Without scikit-learn's metadata routing everything goes to ``fit``. With it, each name goes where an estimator, splitter or scorer requested it;
    ``groups`` stay the argument of their own that they are, and our own pipelines, which hand row metadata to their steps by name, get the rest.

    Raises
    ------
    InvalidInputError
        If groups are given twice, nobody takes a name, or a scorer is a metric of true and predicted labels.
    sklearn.exceptions.UnsetMetadataPassedError
        If a consumer could take a name and neither requested nor refused it.
    """
    if params is not None and not isinstance(params, Mapping):
        rule = "a dict of arguments of fit, such as {'sample_weight': weights}"
        raise InvalidTypeError(f"params of {caller} must be {rule}; got {reprlib.repr(params)}")
    for name, scorer in scorers.items():
        refuse_metric(scorer, name, caller=caller)
    given = {name: value for name, value in (params or {}).items() if value is not None}
    if "groups" in given:
        if groups is not None:
            raise InvalidInputError(f"groups of {caller} must be given once; got them as an argument and in params")
        groups = given.pop("groups")
    if not given or not get_config().get("enable_metadata_routing"):
        if given:
            fit_params_of(estimator, given, None, 0, caller=caller)  # a wrong name is told at once, not once a fold
        return Routed(groups, {**given, "groups": groups})
    own_pipeline = hasattr(estimator, "_native_plan")
    consumers: dict[str, tuple[Any, str]] = {"splitter": (cv, "split"), "estimator": (None if own_pipeline else estimator, "fit")}
    consumers |= {f"scorer_{name}": (scorer, "score") for name, scorer in scorers.items()}
    router = MetadataRouter(owner=caller)
    for name, (consumer, method) in consumers.items():
        if hasattr(consumer, _ROUTED):
            router.add(**{name: consumer}, method_mapping=MethodMapping().add(caller="fit", callee=method))
    fit: dict[str, Any] = {}
    if own_pipeline:
        taken = router.consumes("fit", given.keys())
        fit = {name: value for name, value in given.items() if name not in taken or name in _CHANNEL}
        fit_params_of(estimator, fit, None, 0, caller=caller)  # a wrong name is told at once, not once a fold
        given = {name: value for name, value in given.items() if name in taken}
    routed = _processed(router, given, caller)
    fit |= routed.get("estimator", {}).get("fit", {})
    split = dict(routed.get("splitter", {}).get("split", {}))
    groups = split.pop("groups", groups)
    score = {name: dict(routed.get(f"scorer_{name}", {}).get("score", {})) for name in scorers}
    return Routed(groups, {**fit, "groups": groups}, split, score)


def _processed(router: Any, given: dict[str, Any], caller: str) -> Any:
    try:
        return process_routing(router, "fit", **given)
    except UnsetMetadataPassedError as error:
        text = str(error).replace(f"{caller}.fit", caller)
        raise UnsetMetadataPassedError(message=text, unrequested_params=error.unrequested_params, routed_params=error.routed_params) from error
    except TypeError as error:
        rule = "requested by the estimator, the splitter or a scorer"
        raise InvalidInputError(f"params of {caller} must be {rule}; got: {error}") from error
