"""FastAPI in front of five pipelines, the way most people write it: one text, five calls."""

import os
from pathlib import Path
from typing import Annotated, Any

import pipelines
import uvicorn
from fastapi import Body, FastAPI, Response
from options import HOST, parser

Text = Annotated[str, Body()]


def create_app() -> FastAPI:
    """The application of one worker process; all of them were given this command line."""
    options = arguments()
    classifiers = pipelines.load(options.models, options.device)
    loaded = Path("loaded")

    loaded.mkdir(exist_ok=True)
    (loaded / str(os.getpid())).touch()
    app = FastAPI()

    def answer(text: str) -> dict[str, Any]:
        return {key: pipelines.classify(one, [text])[0] for key, one in classifiers.items()}

    if options.endpoint == "def":

        @app.post("/process")
        def process(text: Text) -> dict[str, Any]:
            return answer(text)
    else:

        @app.post("/process")
        async def process_in_line(text: Text) -> dict[str, Any]:
            return answer(text)

    @app.get("/ready")
    def ready() -> Response:
        complete = len(list(loaded.iterdir())) == options.workers
        return Response(status_code=200 if complete else 503)

    return app


def arguments() -> Any:
    """The command line."""
    shared = parser(__doc__)
    shared.add_argument("--endpoint", choices=("def", "async"), required=True)
    shared.add_argument("--workers", type=int, required=True)
    return shared.parse_args()


if __name__ == "__main__":
    asked = arguments()
    uvicorn.run(
        "fastapi_plain:create_app",
        factory=True,
        host=HOST,
        port=asked.port,
        workers=asked.workers,
        loop="uvloop",
        http="httptools",
        access_log=False,
    )
