"""What each peer sends and reads, how it is started, and how answers are compared."""

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from benchmarks.answers import KEYS, Result, agree
from benchmarks.peers import PEERS
from benchmarks.peers.base import Peer
from benchmarks.weights import for_transformers_4

LABELS = dict(zip(KEYS, ("negative", "Mangolian", "SPAM", "LABEL_1", "LABEL_0"), strict=True))
FIVE = {key: {"label": label, "score": 0.75} for key, label in LABELS.items()}
SPELLED = {
    "cardiffnlp": Result("NEGATIVE", 0.75),
    "ivanlau": Result("Mongolian", 0.75),
    "svalabs": Result("SPAM", 0.75),
    "EIStakovskii": Result("LABEL_1", 0.75),
    "jy46604790": Result("LABEL_0", 0.75),
}
PROCESS = ("chorus", "fastapi", "fastapi-window", "litserve", "ray", "null")


@pytest.fixture
def weights(tmp_path: Path) -> dict[str, Path]:
    """Folders that look enough like models to be written into a configuration."""
    for key in KEYS:
        (tmp_path / key).mkdir()
        (tmp_path / key / "model.safetensors").touch()
        (tmp_path / key / "config.json").write_text("{}")
        (tmp_path / key / "tokenizer.json").write_text('{"model": {}}')
    return {key: tmp_path / key for key in KEYS}


def ports() -> Callable[[], int]:
    numbers = count(40000)
    return lambda: next(numbers)


@pytest.fixture(params=PROCESS)
def process_peer(request: pytest.FixtureRequest) -> Peer:
    return PEERS[request.param].candidates({}, "cpu")[0]


def test_the_table_names_peers_as_they_name_themselves() -> None:
    assert set(PEERS) == {*PROCESS, "stock", "bentoml"}
    assert all(peer.name == name for name, peer in PEERS.items())


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("name", PEERS)
def test_candidates_are_few_and_differ(name: str, device: str) -> None:
    candidates = PEERS[name].candidates({}, device)
    assert 1 <= len(candidates) <= 6
    assert len({peer.setting for peer in candidates}) == len(candidates)
    if name != "null":
        assert {peer.device for peer in candidates} == {device}


@pytest.mark.parametrize("name", PEERS)
def test_a_machine_of_one_core_has_no_candidate_twice(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0})
    settings = [peer.setting for peer in PEERS[name].candidates({}, "cpu")]
    assert len(set(settings)) == len(settings)
    assert not any("threads 2" in setting for setting in settings)


@pytest.mark.parametrize("name", PEERS)
def test_a_launch_says_where_the_server_listens_and_on_what_it_computes(
    name: str, weights: dict[str, Path], tmp_path: Path
) -> None:
    for number, peer in enumerate(PEERS[name].candidates(weights, "cpu")):
        folder = tmp_path / f"server{number}"
        folder.mkdir()
        launch = peer.launch(folder, ports())
        files = [file.read_text() for file in folder.rglob("*settings.json")]
        said = " ".join([*launch.command, *files])
        assert str(launch.port) in said
        if "threads" in peer.setting:
            assert peer.setting.endswith(f"threads {launch.environment['OMP_NUM_THREADS']}")
        if name not in ("chorus", "stock", "null"):
            assert all(str(path) in said for path in weights.values())


def test_the_stock_server_is_told_where_to_compute(
    weights: dict[str, Path], tmp_path: Path
) -> None:
    for device, number in (("cpu", -1), ("cuda", 0)):
        folder = tmp_path / device
        folder.mkdir()
        PEERS["stock"].candidates(weights, device)[0].launch(folder, ports())
        settings = json.loads((folder / "svalabs" / "model-settings.json").read_text())
        assert settings["parameters"]["extra"]["device"] == number


def test_a_process_peer_gets_a_json_string_and_gives_five_answers(process_peer: Peer) -> None:
    (sent,) = process_peer.posts('say "ja" 👍')
    assert sent.path == "/process"
    assert json.loads(sent.body) == 'say "ja" 👍'
    assert process_peer.read(0, json.dumps(FIVE).encode()) == SPELLED
    with pytest.raises(KeyError):
        process_peer.read(0, b"{}")
    with pytest.raises(ValueError, match="could not convert"):
        process_peer.read(0, json.dumps({**FIVE, "svalabs": {"label": "", "score": ""}}).encode())


def test_bentoml_gets_a_list_of_one_text_and_gives_a_list_of_one() -> None:
    peer = PEERS["bentoml"].candidates({}, "cpu")[0]
    (sent,) = peer.posts("ja")
    assert (sent.path, json.loads(sent.body)) == ("/process", {"texts": ["ja"]})
    assert peer.read(0, json.dumps([FIVE]).encode()) == SPELLED
    for wrong in ([], [FIVE, FIVE]):
        with pytest.raises(ValueError, match="values to unpack"):
            peer.read(0, json.dumps(wrong).encode())


def test_stock_asks_every_model_and_spells_labels_as_process_does() -> None:
    peer = PEERS["stock"].candidates({}, "cpu")[0]
    sent = peer.posts("ja")
    assert [post.path for post in sent] == [f"/v2/models/{key}/infer" for key in KEYS]
    assert json.loads(sent[0].body)["inputs"][0]["data"] == ["ja"]

    def body(key: str) -> bytes:
        element = json.dumps(FIVE[key])
        return json.dumps({"outputs": [{"name": "output", "data": [element]}]}).encode()

    for part, key in enumerate(KEYS):
        assert peer.read(part, body(key)) == {key: SPELLED[key]}
    with pytest.raises(ValueError, match="values to unpack"):
        peer.read(0, b'{"outputs": [{"data": []}]}')


def test_answers_agree_within_rounding_only() -> None:
    answer = {"svalabs": Result("HAM", 0.6)}
    assert agree(answer, {"svalabs": Result("HAM", 0.60005)})
    assert not agree(answer, {"svalabs": Result("HAM", 0.6002)})
    assert not agree(answer, {"svalabs": Result("SPAM", 0.6)})
    assert not agree(answer, {"ivanlau": Result("HAM", 0.6)})


def test_the_conversion_keeps_weights_and_vocabulary(tmp_path: Path) -> None:
    source, target = tmp_path / "new", tmp_path / "old"
    source.mkdir()
    (source / "model.safetensors").write_bytes(b"weights")
    (source / "config.json").write_text('{"dtype": "float32", "num_labels": 2}')
    model = {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]}
    (source / "tokenizer.json").write_text(json.dumps({"model": model}))
    for_transformers_4(source, target)
    assert (target / "model.safetensors").read_bytes() == b"weights"
    assert json.loads((target / "config.json").read_text())["torch_dtype"] == "float32"
    converted = json.loads((target / "tokenizer.json").read_text())["model"]
    assert converted == {**model, "merges": ["a b"]}
