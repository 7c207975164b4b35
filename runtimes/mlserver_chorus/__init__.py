"""MLServer runtimes for Hugging Face models on one shared, exact engine."""

from .classifier import Classifier
from .ensemble import Ensemble
from .pipeline import Pipeline

__all__ = ["Classifier", "Ensemble", "Pipeline"]
