"""Drive tritonclient.grpc; its messages clash with MLServer's, so it gets its own process.

Reads requests from stdin, writes what the server at `argv[1]` answered to stdout, both as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

TYPES: dict[str, Any] = {"BYTES": object, "INT64": "int64", "BOOL": "bool"}


def ask(address: str) -> dict[str, Any]:
    """Every request of the table, by this file in another process."""
    from tests.clients.v2_requests import REQUESTS

    requests = {name: [one.model, one.inputs] for name, one in REQUESTS.items()}
    run = subprocess.run(
        [sys.executable, __file__, address],
        input=json.dumps(requests),
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert run.returncode == 0, run.stderr
    told: dict[str, Any] = json.loads(run.stdout)
    return told


def main() -> None:
    import numpy as np
    import tritonclient.grpc as triton
    from tritonclient.utils import InferenceServerException

    client = triton.InferenceServerClient(sys.argv[1])
    told: dict[str, Any] = {}
    for name, (model, given) in json.load(sys.stdin).items():
        inputs = []
        for label, datatype, values in given:
            tensor = triton.InferInput(label, [len(values)], datatype)
            tensor.set_data_from_numpy(np.array(values, dtype=TYPES[datatype]))
            inputs.append(tensor)
        try:
            elements = client.infer(model, inputs).as_numpy("output").flatten()
        except InferenceServerException as error:
            told[name] = {"error": str(error)}
        else:
            told[name] = {"elements": [json.loads(element) for element in elements]}
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
