"""MLServer runtimes for Hugging Face models on one shared, exact engine."""

from . import environment  # noqa: F401 - before all else
from .classifier import Classifier
from .ensemble import Ensemble
from .pipeline import Pipeline

__all__ = ["Classifier", "Ensemble", "Pipeline"]
