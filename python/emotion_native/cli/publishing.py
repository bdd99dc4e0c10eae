"""Commands that hand a model on: ``model-card`` and ``export``."""

from __future__ import annotations

from pathlib import Path

from .._files import write_atomically
from ..exceptions import InvalidInputError
from .console import note, print_json, safe
from .corpus import refuse_existing

__all__ = ["export_model", "write_model_card"]


def write_model_card(source: str, output: str | None, *, force: bool, as_json: bool) -> None:
    """Write a model card as its file's ending says, or print it as Markdown."""
    if output is not None:
        if Path(output).suffix.lower() not in (".md", ".html"):
            raise InvalidInputError(f"output of model-card must end in .md or .html; got {output}")
        refuse_existing(output, force=force, caller="model-card")
    from ..experiment import model_card

    card = model_card(source)
    if output is not None:
        write_atomically(output, (card.html() if Path(output).suffix.lower() == ".html" else card.markdown()).encode())
    if as_json:
        print_json({"output": output, "first_line": card.first_line, "markdown": card.markdown()})
    elif output is None:
        print(card.markdown(), end="")
    else:
        print(f"Model card: {safe(output)}")


def export_model(model_file: str, output: str, *, force: bool, as_json: bool) -> None:
    """Write a model file as an ONNX graph."""
    if Path(output).suffix.lower() != ".onnx":
        raise InvalidInputError(f"output of export must end in .onnx; got {output}")
    refuse_existing(output, force=force, caller="export")
    from ..export import to_onnx

    made = to_onnx(model_file, output)
    properties = {entry.key: entry.value for entry in made.metadata_props}
    if as_json:
        print_json({"output": output, "model_hash": properties["model_hash"], "bytes": made.ByteSize()})
        return
    print(f"ONNX graph: {safe(output)} (model {properties['model_hash'][:12]})")
    note("Input features (float32 rows); outputs label, probabilities, confidence, abstained. Features of clips stay with emotion-native.")
