"""What a checkpoint's JSON may not say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.chorus_weights.folders import checkpoint, write

from chorus_weights import verify
from chorus_weights.errors import CheckpointRefused

CODE = {"AutoModel": "modeling.Model"}


def refusal(folder: Path) -> str:
    with pytest.raises(CheckpointRefused) as refused:
        verify.check(folder)
    said = str(refused.value)
    assert said.isprintable()
    return said


@pytest.mark.parametrize(
    "path",
    [
        "config.json",
        "tokenizer_config.json",
        "processor_config.json",
        "preprocessor_config.json",
        "generation_config.json",
        "1_Pooling/config.json",
        "CONFIG.JSON",
    ],
)
@pytest.mark.parametrize(
    "said",
    [
        {"auto_map": CODE},
        {"auto_map": None},
        {"text_config": {"auto_map": CODE}},
        {"steps": [1, {"auto_map": CODE}]},
        {"custom_pipelines": {"text-classification": {"impl": "run.It"}}},
        {"transformers_weights": "other.safetensors"},
        {"fast_tokenizer_files": ["../tokenizer.5.0.0.json"]},
        {"configuration_files": ["config.5.0.0.json"]},
        {"audio_tokenizer": {"audio_tokenizer_name_or_path": "org/name"}},
        {"attn_implementation": "org/kernel"},
        {"_attn_implementation": {"text_config": "org/kernel@v1"}},
        {"vision_config": {"backbone": "org/name"}},
        {"architecture": "hf-hub:org/name"},
        {"base_model_name_or_path": "org/name"},
    ],
    ids=lambda said: ",".join(said),
)
def test_what_names_code_or_other_files_is_refused(
    tmp_path: Path, path: str, said: dict[str, Any]
) -> None:
    folder = checkpoint(tmp_path / "it")
    write(folder, path, said)
    assert refusal(folder).startswith(f"{path} says ")


@pytest.mark.parametrize(
    "said",
    [
        {"attn_implementation": "sdpa", "backbone": "resnet50", "architecture": None},
        {"_name_or_path": "/home/somebody/model", "id2label": {"0": "auto_map"}},
        {"label2id": {"backbone": 0}, "chat_template": "{{ auto_map }}"},
    ],
)
def test_plain_names_and_labels_are_not(tmp_path: Path, said: dict[str, Any]) -> None:
    folder = checkpoint(tmp_path / "it")
    write(folder, "config.json", said)
    verify.check(folder)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"\xff\xfe{}", "is not JSON"),
        (b'\xef\xbb\xbf{"auto_map": 1}', "is not JSON"),
        (b"1" * 100_000, "is not JSON"),
        (b"[" * 1_000_000, "is nested too deep"),
        (b'{"a":' * 100 + b"1" + b"}" * 100, "is nested too deep"),
    ],
    ids=["empty", "cut off", "UTF-16", "byte order mark", "number", "deep", "deeper than models"],
)
def test_what_is_no_sane_json_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    folder = checkpoint(tmp_path / "it")
    write(folder, "generation_config.json", content)
    assert refusal(folder).startswith(f"generation_config.json {words}")


@pytest.mark.parametrize(
    ("path", "megabytes"),
    [
        ("config.json", 17),
        ("chat_template.jinja", 2),
        ("tokenizer.json", 129),
        ("vocab.json", 129),
        ("sentencepiece.bpe.model", 129),
    ],
)
def test_what_is_too_large_to_parse_is_refused_unread(
    tmp_path: Path, path: str, megabytes: int
) -> None:
    folder = checkpoint(tmp_path / "it")
    with (folder / path).open("wb") as file:
        file.truncate(megabytes << 20)  # takes no space on the disk
    assert refusal(folder).startswith(f"{path} has {megabytes << 20} bytes, of at most ")


def test_weights_may_be_of_any_size(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "it")
    for name in ("model.safetensors", "model.onnx"):
        with (folder / name).open("wb") as file:
            file.truncate(1 << 34)
    verify.check(folder)


# --------------------------------------------------------------------------- index, steps


@pytest.mark.parametrize(
    "shard",
    [
        *("../model.safetensors", "/etc/passwd", "sub/model.safetensors", "sub\\model.safetensors"),
        *("evil.bin", "no.safetensors", "", "..", None, 1, ["model.safetensors"]),
    ],
)
def test_an_index_names_files_beside_it_alone(tmp_path: Path, shard: Any) -> None:
    write(tmp_path, "model.safetensors", b"")
    folder = checkpoint(tmp_path / "it")
    write(folder, "sub/model.safetensors", b"")
    shards = {"a": "model.safetensors", "b": shard}
    write(folder, "model.safetensors.index.json", {"weight_map": shards})
    assert refusal(folder).startswith("model.safetensors.index.json: weight_map names something")


@pytest.mark.parametrize("document", [[], {}, {"weight_map": ["model.safetensors"]}])
def test_an_index_has_a_map(tmp_path: Path, document: Any) -> None:
    folder = checkpoint(tmp_path / "it")
    write(folder, "model.safetensors.index.json", document)
    assert refusal(folder).startswith("model.safetensors.index.json has no weight_map")


def test_an_index_in_a_subfolder_is_of_that_folder(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "it")
    write(folder, "sub/other.safetensors", b"")
    shards = {"weight_map": {"a": "other.safetensors"}}
    write(folder, "sub/model.safetensors.index.json", shards)
    verify.check(folder)
    write(folder, "model.safetensors.index.json", shards)
    assert refusal(folder).startswith("model.safetensors.index.json: weight_map")


def test_a_pickled_checkpoint_has_pickled_shards(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "it")
    (folder / "model.safetensors").unlink()
    write(folder, "pytorch_model-00001-of-00001.bin", b"")
    shards = {"a": "pytorch_model-00001-of-00001.bin"}
    write(folder, "pytorch_model.bin.index.json", {"weight_map": shards})
    verify.check(folder)


@pytest.mark.parametrize("path", ["../../elsewhere", "/etc", None, 1, "a/../.."])
def test_the_steps_of_sentence_transformers_lie_below(tmp_path: Path, path: Any) -> None:
    folder = checkpoint(tmp_path / "it")
    write(folder, "modules.json", [{"path": "", "type": "a"}, {"path": "1_Pooling", "type": "b"}])
    verify.check(folder)
    write(folder, "modules.json", [{"path": "", "type": "a"}, {"path": path, "type": "b"}])
    assert refusal(folder).startswith("modules.json: path is no folder")
