"""LitServe: one LitAPI for the five models, batched by its server."""

from typing import Any

import litserve
from classifiers import Answer, Classifiers
from options import HOST, parser


class FiveClassifiers(litserve.LitAPI):
    """A text in, five answers out; LitServe makes lists of the texts that wait."""

    def __init__(self, models: list[tuple[str, str]], **batching: Any) -> None:
        super().__init__(api_path="/process", **batching)
        self.models = models

    def setup(self, device: str) -> None:
        """Load the models, once in each worker."""
        self.classifiers = Classifiers(self.models, device)

    def predict(self, texts: list[str]) -> list[dict[str, Answer]]:
        """Answer one batch."""
        return self.classifiers.answer(texts)


def main() -> None:
    """Serve until stopped."""
    shared = parser(__doc__)
    shared.add_argument("--max-batch", type=int, required=True)
    shared.add_argument("--timeout", type=float, required=True, help="seconds; 0 spins")
    shared.add_argument("--workers", type=int, required=True)
    options = shared.parse_args()
    api = FiveClassifiers(
        options.models, max_batch_size=options.max_batch, batch_timeout=options.timeout
    )
    server = litserve.LitServer(
        api,
        accelerator=options.device,
        devices=1,
        workers_per_device=options.workers,
        fast_queue=True,
        timeout=False,  # its default of 30 s would fail texts that merely wait
        healthcheck_path="/ready",
    )
    server.run(
        host=HOST,
        port=options.port,
        generate_client_file=False,
        log_level="warning",
        loop="uvloop",
        http="httptools",
        access_log=False,
    )


if __name__ == "__main__":
    main()
