"""Results as JSON: what pipelines return, in the forms that clients know."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]
import torch
from PIL import Image

from mlserver_chorus.pipelines.answers import encode, flat, output, wave


@pytest.mark.parametrize(
    ("result", "made"),
    [
        ({"label": "é", "score": np.float32(0.5)}, {"label": "é", "score": 0.5}),
        ([(np.int64(3), 1)], [[3, 1]]),
        (np.zeros((1, 2)), [[0.0, 0.0]]),
        (torch.ones(2), [1.0, 1.0]),
        (None, None),
    ],
)
def test_numbers_become_python_s(result: Any, made: Any) -> None:
    assert json.loads(encode(result)) == made


def test_float32_is_widened_and_not_rounded() -> None:
    assert encode(np.float32(0.3455680012702942)) == b"0.3455680012702942"


def test_an_image_is_a_png() -> None:
    told = json.loads(encode({"mask": Image.new("L", (3, 2), 255)}))["mask"]
    head, _, data = told.partition(",")
    assert head == "data:image/png;base64"
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (3, 2)


@pytest.mark.parametrize("channels", [1, 2])
def test_sound_is_a_wav(channels: int) -> None:
    samples = np.tile(np.linspace(-0.5, 0.5, 100, dtype=np.float32), (channels, 1))
    told = wave(samples if channels > 1 else samples[0], 8000)
    data, rate = soundfile.read(io.BytesIO(base64.b64decode(told["audio"])), always_2d=True)
    assert (rate, told["sampling_rate"]) == (8000, 8000)
    assert np.abs(data.T - samples).max() < 1e-4


def test_what_is_not_finite_is_no_answer() -> None:
    with pytest.raises(ValueError, match="JSON"):
        encode({"score": float("nan")})


def test_one_element_per_input() -> None:
    made = output([encode({"a": 1}), encode([])])
    assert (made.name, made.shape) == ("output", [2, 1])
    assert flat(b'[{"a": 1}, {"a": 2}]') == [b'{"a": 1}', b'{"a": 2}']
