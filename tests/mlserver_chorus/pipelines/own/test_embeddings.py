"""Vectors against the model by hand, and folders of sentence-transformers."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from mlserver_chorus.engine.errors import LoadError

from .checkpoints import made

TEXTS = ["The tower is in Paris.", "who?", "the bridge is over the river", "who?", ""]
POOLING = "sentence_transformers.models.Pooling"


def by_hand(folder: Path, text: str) -> Any:
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokens = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")
    with torch.no_grad():
        return AutoModel.from_pretrained(folder).eval()(**tokens).last_hidden_state[0]


def sentence_folder(folder: Path, to: Path, *kinds: str, **pooling: Any) -> Path:
    """A copy with modules.json: the transformer, then a step of each kind in its own subfolder."""
    shutil.copytree(folder, to, dirs_exist_ok=True)
    steps = [{"path": "", "type": "sentence_transformers.models.Transformer"}]
    for number, kind in enumerate(kinds, 1):
        steps.append({"path": f"{number}_{kind}", "type": f"sentence_transformers.models.{kind}"})
        (to / f"{number}_{kind}").mkdir()
        (to / f"{number}_{kind}" / "config.json").write_text(json.dumps(pooling))
    (to / "modules.json").write_text(json.dumps(steps))
    return to


def test_features_are_those_of_transformers_pipeline(encoder: Path) -> None:
    from transformers import pipeline

    theirs = pipeline("feature-extraction", model=str(encoder), device="cpu")
    ours = made("feature-extraction", encoder)(TEXTS)
    for text, mine in zip(TEXTS, ours, strict=True):
        (expected,), (found,) = theirs(text), mine
        assert len(found) == len(expected)
        for token, wanted in zip(found, expected, strict=True):
            assert token == pytest.approx(wanted, abs=1e-5)


def test_pooled_features_are_one_vector(encoder: Path) -> None:
    features = made("feature-extraction", encoder)
    hidden = by_hand(encoder, TEXTS[0])
    for pooling, vector in {
        "mean": hidden.mean(0),
        "cls": hidden[0],
        "max": hidden.max(0).values,
        "lasttoken": hidden[-1],
    }.items():
        ((found,),) = features(TEXTS[:1], pooling=pooling)
        assert found == pytest.approx(vector.tolist(), abs=1e-5)


def test_dimensions_are_cut_before_the_length_is_1(encoder: Path) -> None:
    features = made("feature-extraction", encoder)
    ((found,),) = features(TEXTS[:1], pooling="mean", dimensions=5, normalize=True)
    first = by_hand(encoder, TEXTS[0]).mean(0)[:5]
    assert found == pytest.approx((first / first.norm()).tolist(), abs=1e-5)
    (tokens,) = features(TEXTS[:1], normalize=True)[0]
    assert [math.hypot(*token) for token in tokens] == pytest.approx([1.0] * len(tokens))
    with pytest.raises(ValueError, match="at most 16"):
        features(TEXTS, dimensions=17)


def test_long_texts_are_cut_at_the_side_asked_for_or_refused(encoder: Path) -> None:
    features = made("feature-extraction", encoder)
    long = "tower " * 50 + "paris"
    (right,), (left,) = features([long])[0], features([long], truncation_direction="left")[0]
    assert len(right) == len(left) == 32
    assert right != left
    assert features([long])[0][0] == right
    with pytest.raises(ValueError, match="more than 32 tokens"):
        features([long], truncate=False)
    assert features(["paris"], truncate=False) == features(["paris"])


def test_a_text_has_the_same_vector_alone_and_among_others(encoder: Path) -> None:
    embed = made("sentence-embeddings", encoder)
    for text, vector in zip(TEXTS, embed(TEXTS), strict=True):
        assert vector == pytest.approx(embed([text])[0], abs=1e-6)


def test_without_steps_the_vector_is_the_normalised_mean(encoder: Path) -> None:
    (found,) = made("sentence-embeddings", encoder)(TEXTS[:1])
    mean = by_hand(encoder, TEXTS[0]).mean(0)
    assert found == pytest.approx((mean / mean.norm()).tolist(), abs=1e-5)
    (plain,) = made("sentence-embeddings", encoder)(TEXTS[:1], normalize=False)
    assert plain == pytest.approx(mean.tolist(), abs=1e-5)


def test_the_steps_of_a_folder_are_followed(encoder: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    folder = sentence_folder(
        encoder, tmp_path, "Pooling", "Dense",
        pooling_mode_cls_token=True, pooling_mode_mean_tokens=True, pooling_mode_max_tokens=False,
    )  # fmt: skip
    torch.manual_seed(5)
    weights = {"linear.weight": torch.randn(6, 32), "linear.bias": torch.randn(6)}
    save_file(weights, folder / "2_Dense" / "model.safetensors")
    config = {"bias": True, "activation_function": "torch.nn.modules.activation.Tanh"}
    (folder / "2_Dense" / "config.json").write_text(json.dumps(config))
    (found,) = made("sentence-embeddings", folder)(TEXTS[:1])
    hidden = by_hand(encoder, TEXTS[0])
    pooled = torch.cat([hidden[0], hidden.mean(0)])
    expected = torch.tanh(weights["linear.weight"] @ pooled + weights["linear.bias"])
    assert found == pytest.approx(expected.tolist(), abs=1e-5)


def test_prompts_limits_and_case_of_a_folder(encoder: Path, tmp_path: Path) -> None:
    folder = sentence_folder(
        encoder, tmp_path, "Pooling", "Normalize", pooling_mode_mean_tokens=True
    )
    (folder / "config_sentence_transformers.json").write_text(
        json.dumps({"prompts": {"query": "where : ", "none": ""}, "default_prompt_name": "query"})
    )
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 8}))
    plain, embed = made("sentence-embeddings", encoder), made("sentence-embeddings", folder)
    assert embed(["paris"])[0] == pytest.approx(plain(["where : paris"])[0], abs=1e-6)
    assert embed(["paris"], prompt_name="none")[0] == pytest.approx(plain(["paris"])[0], abs=1e-6)
    assert embed(["paris " * 9]) == embed(["paris " * 20])
    features = made("feature-extraction", folder)
    assert features(["paris"], prompt_name="query") == features(["where : paris"])
    with pytest.raises(ValueError, match="it knows none, query"):
        embed(["secret"], prompt_name="answer")


@pytest.mark.parametrize(
    ("kinds", "pooling"),
    [
        (("Pooling", "Magic"), {"pooling_mode_mean_tokens": True}),
        (("Pooling",), {"pooling_mode_weightedmean_tokens": True}),
        (("Pooling",), {"pooling_mode_mean_tokens": True, "include_prompt": False}),
        (("Normalize",), {}),
        (("Pooling", "Dense"), {"pooling_mode_mean_tokens": True}),
    ],
)
def test_a_step_that_is_not_known_is_not_left_out(
    encoder: Path, tmp_path: Path, kinds: tuple[str, ...], pooling: dict[str, bool]
) -> None:
    with pytest.raises(LoadError):
        made("sentence-embeddings", sentence_folder(encoder, tmp_path, *kinds, **pooling))


def test_similarity_is_the_cosine(encoder: Path) -> None:
    item = {"source_sentence": "the tower", "sentences": ["the tower", "the bridge", "who?"]}
    (found,) = made("sentence-similarity", encoder)([item])
    source, *others = (by_hand(encoder, text).mean(0) for text in ("the tower", *item["sentences"]))
    expected = [float(source @ other / source.norm() / other.norm()) for other in others]
    assert found == pytest.approx(expected, abs=1e-5)
    assert found[0] == pytest.approx(1.0)


@pytest.mark.parametrize(
    "item",
    [
        "secret",
        {"sentences": ["secret"]},
        {"source_sentence": "secret"},
        {"source_sentence": "a", "sentences": "secret"},
        {"source_sentence": "a", "sentences": []},
        {"source_sentence": "a", "sentences": ["b", 3]},
    ],
)
def test_bad_comparisons_are_refused(encoder: Path, item: Any) -> None:
    with pytest.raises(ValueError, match="sentences") as refused:
        made("sentence-similarity", encoder)([item])
    assert "secret" not in str(refused.value)


def test_a_t5_gives_the_vectors_of_its_encoder(t5: Path) -> None:
    import torch
    from transformers import AutoTokenizer, T5EncoderModel

    (found,) = made("sentence-embeddings", t5)(["the tower"], normalize=False)
    tokens = AutoTokenizer.from_pretrained(t5)("the tower", return_tensors="pt")
    with torch.no_grad():
        hidden = T5EncoderModel.from_pretrained(t5).eval()(**tokens).last_hidden_state[0]
    assert found == pytest.approx(hidden.mean(0).tolist(), abs=1e-5)


@pytest.mark.parametrize(
    ("config", "raw"),
    [
        ({}, False),
        ({"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}}, True),
        ({"sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"}, True),
    ],
)
def test_a_pair_is_ranked_by_its_one_logit(
    cross_encoder: Path, tmp_path: Path, config: dict[str, Any], raw: bool
) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from .checkpoints import add_to_config

    shutil.copytree(cross_encoder, tmp_path, dirs_exist_ok=True)
    add_to_config(tmp_path, **config)
    pairs = [["where is it?", "in paris"], ["who?", "the tower " * 40]]
    found = made("sentence-ranking", tmp_path)(pairs)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    for pair, score in zip(pairs, found, strict=True):
        with torch.no_grad():
            logit = model(**tokenizer(*pair, truncation=True, return_tensors="pt")).logits[0, 0]
        assert score == pytest.approx(float(logit if raw else logit.sigmoid()), abs=1e-6)
    with pytest.raises(ValueError, match="a query and a text"):
        made("sentence-ranking", tmp_path)([["secret"]])


def test_weights_are_fp32_unless_the_model_says_otherwise(encoder: Path) -> None:
    import torch

    from mlserver_chorus.pipelines.own import build

    exact: Any = build("feature-extraction", encoder, "cpu")
    rounded: Any = build("feature-extraction", encoder, "cpu", model_kwargs={"dtype": "bfloat16"})
    assert exact.model.dtype == torch.float32
    assert rounded.model.dtype == torch.bfloat16
    assert rounded(["paris"]) != exact(["paris"])
