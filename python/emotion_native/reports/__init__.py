"""Reports: figures, tables as pictures and LaTeX, and an HTML page that stands alone. Matplotlib loads with the first figure."""

from __future__ import annotations

from .confusion import confusion_figure
from .contributions import contribution_figure
from .curves import risk_coverage_figure
from .differences import difference_figure
from .explanations import bar_figure, beeswarm_figure, waterfall_figure
from .html import Card, HtmlPage
from .latex import latex_escape, latex_tables
from .model_card import ModelCard
from .reliability import class_reliability_figure, reliability_figure
from .speakers import speaker_figure
from .statements import ENROLMENT_STATEMENT, INTENDED_USE, evidence_note, format_interval, split_statement
from .style import figure_png, save_figure, shown_label
from .tables import Table, table_figure

__all__ = [
    "ENROLMENT_STATEMENT",
    "INTENDED_USE",
    "Card",
    "HtmlPage",
    "ModelCard",
    "Table",
    "bar_figure",
    "beeswarm_figure",
    "class_reliability_figure",
    "confusion_figure",
    "contribution_figure",
    "difference_figure",
    "evidence_note",
    "figure_png",
    "format_interval",
    "latex_escape",
    "latex_tables",
    "reliability_figure",
    "risk_coverage_figure",
    "save_figure",
    "shown_label",
    "speaker_figure",
    "split_statement",
    "table_figure",
    "waterfall_figure",
]
