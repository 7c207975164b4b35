"""Drive tritonclient.grpc; its messages clash with MLServer's, so it gets its own process.

Reads `{"texts": […]}` from stdin, writes what the server at `argv[1]` told to stdout, as JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException


def made(name: str, values: Any, datatype: str, shape: list[int] | None = None) -> Any:
    array = np.array(values, dtype=object if datatype == "BYTES" else np.int64)
    given = triton.InferInput(name, list(array.shape), datatype)
    given.set_data_from_numpy(array)
    if shape:
        given.set_shape(shape)
    return given


def plain(answer: Any, name: str) -> list[Any]:
    values = answer.as_numpy(name).flatten().tolist()
    return [value.decode() if isinstance(value, bytes) else value for value in values]


def main() -> None:
    texts = json.load(sys.stdin)["texts"]
    client = triton.InferenceServerClient(sys.argv[1])
    told: dict[str, Any] = {}

    outputs = [triton.InferRequestedOutput(name) for name in ("label", "score")]
    answer = client.infer("cardiffnlp", [made("text", texts, "BYTES")], outputs=outputs)
    told["typed"] = {name: plain(answer, name) for name in ("label", "score")}

    one = made("text", texts[:1], "BYTES")
    options = [made("top_k", [2], "INT64"), made("function_to_apply", ["sigmoid"], "BYTES")]
    told["options as inputs"] = plain(client.infer("cardiffnlp", [one, *options]), "output")
    answer = client.infer(
        "cardiffnlp", [one], parameters={"top_k": 2, "function_to_apply": "sigmoid"}
    )
    told["options as parameters"] = plain(answer, "output")

    answer = client.infer("process", [one])
    told["ensemble"] = {"svalabs.score": plain(answer, "svalabs.score")}

    told["ready"] = [
        client.is_server_live(),
        client.is_server_ready(),
        client.is_model_ready("process"),
    ]
    metadata = client.get_model_metadata("cardiffnlp", as_json=True)
    told["outputs"] = [output["name"] for output in metadata["outputs"]]

    try:
        client.infer("cardiffnlp", [made("text", texts[:1], "BYTES", shape=[3])])
    except InferenceServerException as error:
        told["error"] = [error.status(), error.message()]

    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
