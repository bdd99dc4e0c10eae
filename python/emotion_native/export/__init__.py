"""Fitted models for other programs: ONNX graphs and MLflow models, both made from what the model file holds."""

from __future__ import annotations

from ._mlflow import PyfuncModel, save_mlflow
from ._onnx import to_onnx

__all__ = ["PyfuncModel", "save_mlflow", "to_onnx"]
