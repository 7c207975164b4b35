"""Checkpoint folders as they are found in the wild, and what is refused."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mlserver_chorus.engine.errors import LoadError
from mlserver_chorus.engine.loading import load_classifier
from mlserver_chorus.engine.scores import softmax
from mlserver_chorus.engine.types import Model

from ..conftest import MakeCheckpoint

TEXTS = ["hello world", "", "I love 你好 👍", "free coins " * 30, "a\x00b"]


def probabilities(model: Model, texts: list[str]) -> Any:
    encodings = model.tokenizer.encode(texts)
    return softmax(model.forward(model.forward.collate(encodings)))


def pipeline_probabilities(folder: Path, texts: list[str]) -> Any:
    """What transformers' own pipeline says, one text at a time; labels in id order."""
    from transformers import pipeline

    classify = pipeline("text-classification", model=str(folder), device="cpu", top_k=None)
    labels = [classify.model.config.id2label[i] for i in range(classify.model.config.num_labels)]
    answers = [{a["label"]: a["score"] for a in classify([text])[0]} for text in texts]
    return np.array([[answer[label] for label in labels] for answer in answers])


@pytest.mark.parametrize("weights", ["safetensors", "bin"])
def test_answers_are_the_pipelines(make_checkpoint: MakeCheckpoint, weights: str) -> None:
    folder = make_checkpoint(weights=weights)
    ours = probabilities(load_classifier("m", folder, "cpu"), TEXTS)
    assert np.abs(ours - pipeline_probabilities(folder, TEXTS)).max() <= 1e-5


@pytest.mark.parametrize(
    ("config", "labels"),
    [
        ({"label2id": None}, ("HAM", "SPAM")),
        ({"id2label": {"0": "A", "1": "B", "2": "C"}, "label2id": {"A": "0"}}, ("A", "B", "C")),
        ({"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}, ("LABEL_0", "LABEL_1")),
    ],
    ids=["label2id null", "label2id of strings", "generic"],
)
def test_labels_come_from_id2label(
    make_checkpoint: MakeCheckpoint, config: dict[str, Any], labels: tuple[str, ...]
) -> None:
    assert load_classifier("m", make_checkpoint(**config), "cpu").labels == labels


def test_a_config_without_labels_has_two_generic_ones(make_checkpoint: MakeCheckpoint) -> None:
    folder = make_checkpoint()
    values = json.loads((folder / "config.json").read_text())
    del values["id2label"]
    (folder / "config.json").write_text(json.dumps(values))
    assert load_classifier("m", folder, "cpu").labels == ("LABEL_0", "LABEL_1")


@pytest.mark.parametrize(
    ("positions", "stated", "limit"),
    [(514, 512, 512), (514, None, 512), (40, 512, 38), (514, 9, 9)],
)
def test_long_texts_are_cut_at_the_real_limit(
    make_checkpoint: MakeCheckpoint, positions: int, stated: int | None, limit: int
) -> None:
    folder = make_checkpoint(max_position_embeddings=positions, model_max_length=stated)
    model = load_classifier("m", folder, "cpu")
    (encoding,) = model.tokenizer.encode(["hello world " * 600])
    assert model.tokenizer.limit == len(encoding.ids) == limit
    assert encoding.ids[0] == 0
    assert encoding.ids[-1] == 2
    assert np.isfinite(probabilities(model, ["hello world " * 600, "short"])).all()


def test_a_bert_uses_all_its_positions(make_checkpoint: MakeCheckpoint) -> None:
    """Only RoBERTa's position table starts behind the padding id."""
    bert = {"model_type": "bert", "architectures": ["BertForSequenceClassification"]}
    folder = make_checkpoint(**bert, max_position_embeddings=64, pad_token_id=1)
    model = load_classifier("m", folder, "cpu")
    assert model.tokenizer.limit == 64
    assert np.isfinite(probabilities(model, ["hello " * 100])).all()


def test_padding_changes_no_answer(make_checkpoint: MakeCheckpoint) -> None:
    model = load_classifier("m", make_checkpoint(), "cpu")
    alone = np.concatenate([probabilities(model, [text]) for text in TEXTS])
    assert np.abs(probabilities(model, TEXTS) - alone).max() <= 1e-5


def test_models_that_tokenise_alike_share_a_tokenizer(make_checkpoint: MakeCheckpoint) -> None:
    first = load_classifier("a", make_checkpoint("a"), "cpu")
    second = load_classifier("b", make_checkpoint("b"), "cpu", tokenizers=[first.tokenizer])
    other = make_checkpoint("c", model_max_length=10)
    third = load_classifier("c", other, "cpu", tokenizers=[first.tokenizer])
    assert second.tokenizer is first.tokenizer
    assert third.tokenizer is not first.tokenizer


def _without_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def _with_broken_config(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def _without_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def _with_half_the_weights(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _with_a_layer_too_many(folder: Path) -> None:
    values = json.loads((folder / "config.json").read_text())
    values["num_hidden_layers"] = 3
    (folder / "config.json").write_text(json.dumps(values))


def _with_another_width(folder: Path) -> None:
    values = json.loads((folder / "config.json").read_text())
    values["intermediate_size"] = 48
    (folder / "config.json").write_text(json.dumps(values))


def _without_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def _with_a_tokenizer_that_knows_more_than_the_weights(folder: Path) -> None:
    state = json.loads((folder / "tokenizer.json").read_text())
    mask = state["added_tokens"][-1]
    state["added_tokens"].append({**mask, "id": mask["id"] + 1, "content": "<new>"})
    (folder / "tokenizer.json").write_text(json.dumps(state))


class _Payload:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path(self.target),))

    def __init__(self, target: str) -> None:
        self.target = target


def _with_code_in_a_pickle(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with (folder / "pytorch_model.bin").open("wb") as file:
        pickle.dump(_Payload(str(folder / "code ran")), file)


@pytest.mark.parametrize(
    "damage",
    [
        _without_config,
        _with_broken_config,
        _without_weights,
        _with_half_the_weights,
        _with_a_layer_too_many,
        _with_another_width,
        _without_tokenizer,
        _with_a_tokenizer_that_knows_more_than_the_weights,
        _with_code_in_a_pickle,
    ],
    ids=lambda damage: damage.__name__.strip("_"),
)
def test_a_damaged_folder_is_refused_in_one_line(
    make_checkpoint: MakeCheckpoint, damage: Any
) -> None:
    folder = make_checkpoint("damaged")
    damage(folder)
    with pytest.raises(LoadError, match="model spam") as refusal:
        load_classifier("spam", folder, "cpu")
    assert "\n" not in str(refusal.value)
    assert not (folder / "code ran").exists()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="nowhere"):
        load_classifier("m", tmp_path / "nowhere", "cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_refused(make_checkpoint: MakeCheckpoint) -> None:
    with pytest.raises(LoadError, match="cuda:1"):
        load_classifier("m", make_checkpoint(), "cuda:1")


def test_arithmetic_is_exact_fp32(make_checkpoint: MakeCheckpoint) -> None:
    torch.set_float32_matmul_precision("medium")
    load_classifier("m", make_checkpoint(), "cpu")
    assert torch.get_float32_matmul_precision() == "highest"
    assert not torch.backends.cuda.matmul.allow_tf32
    assert not torch.backends.cudnn.allow_tf32


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_a_gpu_answers_as_the_cpu(make_checkpoint: MakeCheckpoint) -> None:
    folder = make_checkpoint()
    on_gpu = probabilities(load_classifier("m", folder, "cuda"), TEXTS)
    on_cpu = probabilities(load_classifier("m", folder, "cpu"), TEXTS)
    assert np.abs(on_gpu - on_cpu).max() <= 1e-4


def test_a_checkpoint_with_nothing_but_a_sentencepiece_model(
    make_checkpoint: MakeCheckpoint,
) -> None:
    """As XLM-R was published: no tokenizer.json."""
    import sentencepiece

    folder = make_checkpoint()
    (folder / "tokenizer.json").unlink()
    corpus = ["hello world this is a test", "I love you", "free coins"] * 50
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus),
        model_prefix=str(folder / "sentencepiece.bpe"),
        model_type="unigram",
        vocab_size=30,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    model = load_classifier("m", folder, "cpu")
    (encoding,) = model.tokenizer.encode(["hello world"])
    assert (encoding.ids[0], encoding.ids[-1]) == (0, 2)
    assert 3 not in encoding.ids, "nothing of it is unknown"
    assert np.isfinite(probabilities(model, ["hello world"])).all()
