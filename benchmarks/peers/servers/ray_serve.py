"""Ray Serve: one deployment of the five models, batched by `serve.batch`."""

import os
import signal
from pathlib import Path
from typing import Any

import ray
from classifiers import Answer, Classifiers
from options import HOST, parser
from ray import serve
from starlette.requests import Request
from starlette.responses import Response

APPLICATION = "classifiers"


class FiveClassifiers:
    """A text in, five answers out."""

    def __init__(
        self, models: list[tuple[str, str]], device: str, max_batch: int, wait: float
    ) -> None:
        self.classifiers = Classifiers(models, device)
        self.answer.set_max_batch_size(max_batch)
        self.answer.set_batch_wait_timeout_s(wait)

    @serve.batch()
    async def answer(self, texts: list[str]) -> list[dict[str, Answer]]:
        """Answer one batch; callers pass one text each."""
        return self.classifiers.answer(texts)

    async def __call__(self, request: Request) -> Any:
        """`POST /process`, and `GET /ready` for all replicas."""
        if request.url.path == "/ready":
            running = serve.status().applications[APPLICATION].status == "RUNNING"
            return Response(status_code=200 if running else 503)
        return await self.answer(await request.json())


def main() -> None:
    """Serve until SIGTERM."""
    shared = parser(__doc__)
    shared.add_argument("--max-batch", type=int, required=True)
    shared.add_argument("--wait", type=float, required=True, help="seconds")
    shared.add_argument("--replicas", type=int, required=True)
    shared.add_argument("--proxy", choices=("python", "haproxy"), required=True)
    options = shared.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if options.proxy == "haproxy":
        os.environ["RAY_SERVE_ENABLE_HA_PROXY"] = "1"
    gpus = 1 if options.device == "cuda" else 0
    # Enough logical cores to place every replica; torch's threads are set by the environment.
    ray.init(
        num_cpus=options.replicas + 1,
        num_gpus=gpus,
        include_dashboard=False,
        _temp_dir=str(Path.cwd()),  # the folder that the benchmark removes
    )
    serve.start(http_options={"host": HOST, "port": options.port})
    deployment = serve.deployment(
        num_replicas=options.replicas,
        # All that wait must be in the replica: a batch is made of them.
        max_ongoing_requests=1000,
        ray_actor_options={
            "num_gpus": gpus / options.replicas,
            "runtime_env": {"env_vars": {"OMP_NUM_THREADS": os.environ["OMP_NUM_THREADS"]}},
        },
        logging_config={"enable_access_log": False},
    )(FiveClassifiers)
    app = deployment.bind(options.models, options.device, options.max_batch, options.wait)
    try:
        serve.run(app, name=APPLICATION, route_prefix="/", blocking=True)
    except KeyboardInterrupt:
        ray.shutdown()


if __name__ == "__main__":
    main()
