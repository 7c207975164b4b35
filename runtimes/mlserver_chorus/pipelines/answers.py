"""Results of a pipeline as JSON, one value per input; what JSON lacks in the forms clients know."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from mlserver.types import Datatype, Parameters, ResponseOutput


def encode(result: Any) -> bytes:
    """One result as JSON. Images become `data:image/png;base64,…`, arrays nested lists.

    Raises ValueError for a number that is not finite.
    """
    return json.dumps(result, default=_plain, allow_nan=False).encode()


def wave(samples: Any, sampling_rate: int) -> dict[str, Any]:
    """Samples in -1…1, [n] or [channels, n], as a WAV file: {"audio": base64, "sampling_rate"}."""
    import soundfile  # type: ignore[import-untyped]

    file = io.BytesIO()
    array = np.asarray(samples, dtype=np.float32)
    soundfile.write(file, array.T, int(sampling_rate), format="WAV", subtype="PCM_16")
    return {
        "audio": base64.b64encode(file.getvalue()).decode(),
        "sampling_rate": int(sampling_rate),
    }


def output(elements: Sequence[bytes]) -> ResponseOutput:
    """`output` as mlserver-huggingface gives it: BYTES [N, 1], each element a JSON value."""
    return ResponseOutput(
        name="output",
        datatype=Datatype.BYTES,
        shape=[len(elements), 1],
        data=list(elements),
        parameters=Parameters(content_type="hg_jsonlist"),
    )


def flat(element: bytes) -> list[bytes]:
    """The items of one JSON list as elements of their own."""
    return [encode(item) for item in json.loads(element)]


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if hasattr(value, "detach"):
        return value.detach().cpu().tolist()
    if hasattr(value, "save") and hasattr(value, "getbands"):
        file = io.BytesIO()
        value.save(file, format="PNG")
        return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    raise TypeError(f"a pipeline returned {type(value).__name__}, which has no JSON form")
