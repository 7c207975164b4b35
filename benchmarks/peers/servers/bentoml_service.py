"""BentoML: one service whose only call is batched adaptively. Its options come as `--arg`."""

import json

import bentoml
from classifiers import Answer, Classifiers
from pydantic import BaseModel


class Options(BaseModel):
    """What `bentoml serve --arg NAME=VALUE` may say; `models` is a JSON object of folders."""

    models: str
    device: str
    workers: int
    max_batch: int


options = bentoml.use_arguments(Options)
# Nothing may be refused because it waits: BentoML sheds what it expects to take longer than this.
PATIENCE_SECONDS = 600


@bentoml.service(
    workers=options.workers,
    traffic={"timeout": PATIENCE_SECONDS},
    logging={"access": {"enabled": False}},
)
class FiveClassifiers:
    """A list of texts in, five answers for each out."""

    def __init__(self) -> None:
        self.classifiers = Classifiers(json.loads(options.models).items(), options.device)

    @bentoml.api(
        batchable=True,
        max_batch_size=options.max_batch,
        max_latency_ms=PATIENCE_SECONDS * 1000,
    )
    def process(self, texts: list[str]) -> list[dict[str, Answer]]:
        """Answer one batch, made of many callers' lists of one."""
        return self.classifiers.answer(texts)
