"""Random weights: the true labels and shapes, answers that differ, made once."""

from collections import Counter
from pathlib import Path
from statistics import mean, quantiles

import numpy as np
import pytest
from benchmarks import weights
from benchmarks.shapes import LABELS, ROBERTA, SIZES, Shape
from benchmarks.texts import challenge_texts
from benchmarks.vocabulary import byte_level, unigram

from mlserver_chorus.engine.loading import load_classifier
from mlserver_chorus.engine.scores import softmax


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("weights")
    weights.random_folders("tiny", root)
    return root


@pytest.mark.parametrize("key", LABELS)
def test_answers_differ_in_label_and_score_and_are_rarely_certain(cache: Path, key: str) -> None:
    model = load_classifier(key, cache / "tiny" / key, "cpu")
    assert list(model.labels) == LABELS[key]
    texts = [text for text in challenge_texts(120) if text]
    scores = softmax(model.forward(model.forward.collate(model.tokenizer.encode(texts))))
    best = scores.max(axis=1)
    labels = Counter(scores.argmax(axis=1).tolist())
    assert max(labels.values()) < 0.8 * len(texts)
    assert len(np.unique(best.round(4))) > 0.9 * len(texts)
    assert np.mean(best > 0.999) < 0.1


def test_weights_are_made_once_and_again_when_the_recipe_differs(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = cache / "tiny" / "svalabs" / "model.safetensors"
    before = file.stat().st_mtime_ns
    assert weights.random_folders("tiny", cache)["svalabs"] == file.parent
    assert file.stat().st_mtime_ns == before
    content = file.read_bytes()
    monkeypatch.setattr(weights, "RECIPE", weights.RECIPE + 1)
    weights.random_folders("tiny", cache)
    assert file.stat().st_mtime_ns > before
    assert file.read_bytes() == content  # the seed decides every weight


@pytest.mark.parametrize("make", [unigram, byte_level])
def test_the_tokenizers_cut_texts_as_the_real_ones_do(make: object) -> None:
    assert callable(make)
    size = SIZES["real"].xlmr_tokens if make is unigram else SIZES["real"].roberta_tokens
    tokenizer = make(size)
    assert tokenizer.get_vocab_size() == size
    counts = [len(e.ids) for e in tokenizer.encode_batch(challenge_texts(3000))]
    assert 100 <= mean(counts) <= 108
    assert 126 <= quantiles(counts, n=20)[-1] <= 140
    assert tokenizer.encode("").tokens == ["<s>", "</s>"]


def test_the_real_size_is_the_models_own() -> None:
    size = SIZES["real"]
    assert size.shape == Shape(layers=12, hidden=768, intermediate=3072, heads=12)
    assert (size.xlmr_tokens, size.roberta_tokens) == (250_002, 50_265)


def test_the_shape_of_a_checkpoint_is_read_from_it(cache: Path) -> None:
    assert Shape.of(cache / "tiny" / ROBERTA) == SIZES["tiny"].shape


def test_an_older_format_links_the_weights(cache: Path, tmp_path: Path) -> None:
    target = tmp_path / "old"
    weights.for_transformers_4(cache / "tiny" / ROBERTA, target)
    assert (target / "model.safetensors").is_symlink()
    assert (target / "model.safetensors").stat().st_size > 100_000


def test_weights_that_are_not_there_are_explained(tmp_path: Path) -> None:
    with pytest.raises(weights.NoWeights, match="lacks a model"):
        weights.folders(str(tmp_path))
