"""What settings say about where weights are, and which files of a repository are wanted."""

from __future__ import annotations

from pathlib import Path

import pytest

from chorus_weights import patterns, source
from chorus_weights.errors import SourceError
from chorus_weights.source import Part, Repository


def test_a_uri() -> None:
    assert source.of_uri("hf://org/name") == Repository("org/name", "main")
    assert source.of_uri("hf://org/name@refs/pr/1") == Repository("org/name", "refs/pr/1")
    assert source.of_uri("./weights") is None


@pytest.mark.parametrize(
    "uri",
    [
        *(
            "hf://",
            "hf://name",
            "hf://a/b/c",
            "hf://a/b@",
            "hf://a/../b",
            "hf://../b",
            "hf://-a/..",
        ),
        *("hf://a/b@../../main", "hf://a/b@/main", "hf://a/b@a//b", "hf://a/bé", "hf://a/b?x=1"),
    ],
)
def test_a_uri_that_names_no_repository_is_refused(uri: str) -> None:
    with pytest.raises(SourceError, match="hf://organisation/name@revision"):
        source.of_uri(uri)


def test_a_name_is_a_folder_where_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "org" / "name").mkdir(parents=True)
    assert source.of_name("org/name", tmp_path) is None
    assert source.of_name("gpt2", tmp_path) == Repository("gpt2")
    found = source.of_name("hf://org/other@v1", tmp_path, Part.TOKENIZER)
    assert found == Repository("org/other", "v1", Part.TOKENIZER)
    with pytest.raises(SourceError, match="is no folder and no repository"):
        source.of_name("../elsewhere", tmp_path)


def test_a_model_is_made_from_its_uri_or_what_replaces_it_and_from_what_is_beside(
    tmp_path: Path,
) -> None:
    beside = {Part.TOKENIZER: ["org/words"]}
    words = Repository("org/words", part=Part.TOKENIZER)
    found = source.of_settings("hf://org/name", beside, tmp_path)
    assert found == [Repository("org/name"), words]
    found = source.of_settings("hf://org/name", beside | {Part.WHOLE: ["gpt2"]}, tmp_path)
    assert found == [Repository("gpt2"), words]
    assert source.of_settings(None, {}, tmp_path) == []


CONFIGURATION = ["config.json", "tokenizer.json", "1_Pooling/config.json"]
NEVER = ["modeling.py", "README.md", "training_args.bin", "model.onnx", "tf_model.h5", "x.pkl"]


def test_safetensors_are_wanted_and_no_pickle_beside_them() -> None:
    weights = ["model.safetensors", "sub/model.safetensors", "model.safetensors.index.json"]
    paths = [*CONFIGURATION, *weights, "pytorch_model.bin", *NEVER]
    assert patterns.wanted(paths, Part.WHOLE) == [*CONFIGURATION, *weights]


def test_a_pickle_is_wanted_where_there_is_nothing_safer() -> None:
    weights = ["pytorch_model-1.bin", "pytorch_model.bin.index.json"]
    found = patterns.wanted([*CONFIGURATION, *weights, *NEVER], Part.WHOLE)
    assert found == [*CONFIGURATION, *weights]
    assert patterns.has_weights(found)


def test_a_tokenizer_is_wanted_without_weights() -> None:
    paths = [*CONFIGURATION, "spiece.model", "model.safetensors", "pytorch_model.bin", *NEVER]
    found = patterns.wanted(paths, Part.TOKENIZER)
    assert found == ["config.json", "tokenizer.json", "spiece.model"]
    assert not patterns.has_weights(found)
