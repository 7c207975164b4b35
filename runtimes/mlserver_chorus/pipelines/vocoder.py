"""The second model of those that write spectrograms: it makes sound of them.

transformers fetches one from the hub when it is given none; here it is a folder like any other.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import MODEL_FOR_TEXT_TO_SPECTROGRAM_MAPPING, SpeechT5HifiGan

from ..engine.errors import LoadError

_NONE = (
    "it writes spectrograms and needs a vocoder: name one as parameters.extra.pretrained_vocoder, "
    "such as microsoft/speecht5_hifigan"
)


def parts(module: Any, folder: Path | None, device: torch.device) -> dict[str, Any]:
    """What the pipeline of the module needs beside it, in fp32; nothing if it makes sound itself.

    Raises LoadError where there is no folder to take it from.
    """
    if type(module) not in MODEL_FOR_TEXT_TO_SPECTROGRAM_MAPPING.values():
        return {}
    if folder is None:
        raise LoadError(_NONE)
    vocoder = SpeechT5HifiGan.from_pretrained(
        folder, dtype=torch.float32, local_files_only=True, weights_only=True
    )
    return {"vocoder": vocoder.to(device).eval()}
