"""A model that writes spectrograms takes its vocoder from a folder, never from the hub itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from tests.chorus_weights.conftest import STANDINS
from transformers import (
    SpeechT5Config,
    SpeechT5ForTextToSpeech,
    SpeechT5HifiGan,
    SpeechT5HifiGanConfig,
)

from mlserver_chorus.engine.errors import LoadError
from mlserver_chorus.pipelines.loading import Loaded, load
from mlserver_chorus.pipelines.tasks import find

WORDS = ("tokenizer.json", "tokenizer_config.json")


@pytest.fixture(scope="module")
def speaker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SpeechT5 of a few thousand weights."""
    folder = tmp_path_factory.mktemp("speaker")
    sizes = {"hidden_size": 8, "encoder_layers": 1, "decoder_layers": 1, "num_mel_bins": 4}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "vocab_size": 20_000}
    SpeechT5ForTextToSpeech(SpeechT5Config(**sizes, **heads)).save_pretrained(folder)
    for name in WORDS:
        shutil.copy(STANDINS / "svalabs" / "standin" / name, folder)
    return folder


def loaded(folder: Path, vocoder: Path | None) -> Loaded:
    task, _ = find("text-to-audio", "")
    return load(
        "voice",
        task,
        folder,
        device="cpu",
        max_rows=1,
        model_kwargs={},
        vocoder=vocoder,
        max_new_tokens=16,
    )


def test_it_is_loaded_from_its_folder(speaker: Path, tmp_path: Path) -> None:
    made = SpeechT5HifiGan(SpeechT5HifiGanConfig(model_in_dim=4, upsample_initial_channel=32))
    made.save_pretrained(tmp_path)
    found = loaded(speaker, tmp_path).pipe.vocoder
    spectrogram = torch.rand(5, 4)
    assert torch.equal(found(spectrogram), made.eval()(spectrogram))


def test_without_one_it_is_refused_with_the_setting_to_use(speaker: Path) -> None:
    with pytest.raises(LoadError, match=r"model voice: .* parameters\.extra\.pretrained_vocoder"):
        loaded(speaker, None)
