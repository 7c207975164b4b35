"""Drive tritonclient.grpc with a key; alone, because its messages clash with MLServer's.

`argv` is the server and the header; writes what came back to stdout, as JSON.
"""

from __future__ import annotations

import json
import sys

import numpy as np
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException


def main() -> None:
    address, header = sys.argv[1:]
    client = triton.InferenceServerClient(address)
    text = triton.InferInput("text", [1], "BYTES")
    text.set_data_from_numpy(np.array([b"I love this movie"], dtype=object))
    outputs = [triton.InferRequestedOutput("label")]
    headers = {"authorization": header}
    told = {"live": client.is_server_live()}
    answer = client.infer("cardiffnlp", [text], outputs=outputs, headers=headers)
    told["label"] = answer.as_numpy("label").item().decode()
    told["ready"] = client.is_model_ready("process", headers=headers)
    try:
        client.infer("cardiffnlp", [text], outputs=outputs)
    except InferenceServerException as error:
        told["without"] = error.status()
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
