"""What a name of MLflow means now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Version:
    """One model of MLflow, which does not change: where its files are, and which run made it."""

    uri: str
    """The URI that means this model and no later one: models:/NAME/3, models:/m-…, runs:/…"""
    location: str
    """The root of its files, as MLflow writes it."""
    run_id: str = ""
    model_id: str = ""
    """Empty for models that MLflow 2 has logged."""

    @property
    def revision(self) -> str:
        """The id of its bytes: of the logged model, else of the run."""
        return self.model_id or self.run_id

    def document(self) -> dict[str, str]:
        """The same as JSON."""
        return asdict(self)

    @classmethod
    def of(cls, document: Mapping[str, str]) -> Version:
        """Read what `document` wrote. Raises TypeError for anything else."""
        return cls(**document)
