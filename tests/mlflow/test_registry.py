"""Models of a real MLflow as checkpoint folders: which, which not, and without its server."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.mlflow.conftest import EXPERIMENT, NAME, Server, Trained, tree
from tests.mlflow.door import Door

from chorus_weights import verify
from chorus_weights.errors import RegistryError, RegistryUnreachable, WeightsError
from chorus_weights.registry.cache import Cache
from chorus_weights.registry.fetch import fetch
from chorus_weights.registry.local import Found, Registry
from chorus_weights.registry.resolve import require_own, resolve
from chorus_weights.registry.uri import ModelUri, parse
from chorus_weights.registry.version import Version

if TYPE_CHECKING:
    from mlflow import MlflowClient

pytestmark = pytest.mark.timeout(400)  # the server starts in the first test's time

CHAMPION = f"models:/{NAME}@champion"
SAFE = {
    "config.json": b"{}",
    "model.safetensors": b"w",
}


def uri(text: str) -> ModelUri:
    found = parse(text)
    assert found
    return found


@pytest.fixture
def cache(server: Server, tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", server.url)


def test_every_form_of_uri_means_the_model_that_mlflow_says(
    asking: MlflowClient, trained: Trained
) -> None:
    old, new = trained.old["mlflow"], trained.new["mlflow"]
    for text, meant in {
        CHAMPION: (f"models:/{NAME}/1", old),
        f"models:/{NAME}/2": (f"models:/{NAME}/2", new),
        f"models:/{NAME}/latest": (f"models:/{NAME}/2", new),
        f"models:/{old['model_id']}": (f"models:/{old['model_id']}", old),
        f"runs:/{new['run_id']}/model": (f"models:/{new['model_id']}", new),
    }.items():
        found = resolve(asking, uri(text))
        expected, made = meant
        assert (found.uri, found.model_id, found.run_id) == (
            expected,
            made["model_id"],
            made["run_id"],
        ), text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"models:/{NAME}@nobody", "MLflow has no such alias; the model has champion"),
        (f"models:/{NAME}/99", f"has no models:/{NAME}/99; check the name"),
        ("models:/nobody/1", "has no models:/nobody/1; check the name"),
        ("models:/nobody/latest", "MLflow has no version of it; check the name"),
        (f"models:/m-{'0' * 32}", f"has no models:/m-{'0' * 32}; check the name"),
        ("runs:/0123/model", "has no runs:/0123/model; check the name"),
    ],
)
@pytest.mark.usefixtures("trained")
def test_what_mlflow_does_not_have_is_one_line(
    asking: MlflowClient, text: str, reason: str
) -> None:
    with pytest.raises(RegistryError, match=reason) as refused:
        resolve(asking, uri(text))
    assert "\n" not in str(refused.value)


def test_a_version_is_the_checkpoint_that_was_published(
    asking: MlflowClient, trained: Trained, cache: Cache
) -> None:
    version = resolve(asking, uri(f"models:/{NAME}/2"))
    came = fetch(version, cache)
    published, folder = trained.models / NAME / "weights", cache.checkpoint(version)

    assert came == sum(path.stat().st_size for path in folder.iterdir())
    assert set(tree(folder)) == set(tree(published))
    assert tree(folder)["model.safetensors"] == tree(published)["model.safetensors"]
    verify.check(folder)
    assert fetch(version, cache) == 0
    assert [path.name for path in cache.root.glob("*.coming")] == []


def test_a_damaged_file_is_fetched_anew(
    asking: MlflowClient, trained: Trained, cache: Cache
) -> None:
    version = resolve(asking, uri(CHAMPION))
    fetch(version, cache)
    weights = cache.checkpoint(version) / "model.safetensors"
    kept = weights.read_bytes()
    weights.write_bytes(bytes(len(kept)))

    assert not cache.holds(version)
    assert fetch(version, cache) > 0
    assert weights.read_bytes() == kept


# ------------------------------------------------------------------ what is refused


def logged(client: MlflowClient, folder: Path, files: dict[str, bytes], flavours: object) -> str:
    """A model of these files that somebody has logged; its URI."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / "MLmodel").write_text(json.dumps({"flavors": flavours}))
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment
    model = client.create_logged_model(experiment.experiment_id)
    client.log_model_artifacts(model.model_id, str(folder))
    return f"models:/{model.model_id}"


TRANSFORMERS = {"transformers": {"model_binary": "model"}}
WHOLE = {f"model/{name}": content for name, content in SAFE.items()}


@pytest.mark.parametrize(
    ("files", "flavours", "reason"),
    [
        ({"model.pkl": b"x"}, {"sklearn": {}}, r"model\.pkl is a pickle, .*; log it with mlflow"),
        ({"data/x": b"x"}, {"sklearn": {}, "python_function": {}}, "of no flavour .* sklearn"),
        ({**WHOLE, "model/pytorch_model.bin": b"x"}, TRANSFORMERS, r"pytorch_model\.bin is a pic"),
        ({**WHOLE, "code/evil.py": b"x"}, TRANSFORMERS, r"code/evil\.py is code"),
        ({"model/config.json": b"{}"}, TRANSFORMERS, "it has no safetensors"),
        (WHOLE, {"transformers": {}}, "its description and not its weights"),
        (WHOLE, {"transformers": {"peft_adaptor": "peft", **TRANSFORMERS}}, "is an adapter"),
        (WHOLE, {"transformers": {"model_binary": "../.."}}, "and not its weights"),
        (WHOLE, ["transformers"], "it has none"),
        (
            {**WHOLE, "components/a/vocab.txt": b"1", "components/b/vocab.txt": b"2"},
            TRANSFORMERS,
            r"two parts of it have another vocab\.txt",
        ),
    ],
)
@pytest.mark.usefixtures("trained")
def test_what_is_no_harmless_model_of_transformers_is_refused(
    asking: MlflowClient,
    cache: Cache,
    tmp_path: Path,
    files: dict[str, bytes],
    flavours: object,
    reason: str,
) -> None:
    text = logged(asking, tmp_path / "logged", files, flavours)
    version = resolve(asking, uri(text))
    with pytest.raises(WeightsError, match=rf"^{text}: .*{reason}") as refused:
        fetch(version, cache)
    assert "\n" not in str(refused.value)
    assert not cache.home(version).exists()
    assert not list(cache.root.glob("*.coming"))


@pytest.mark.usefixtures("trained")
def test_files_of_another_server_are_not_asked_for(asking: MlflowClient) -> None:
    """A version may name any place; MLflow would show that place its own credentials."""
    asking.create_registered_model("elsewhere")
    asking.create_model_version("elsewhere", "http://127.0.0.1:1/x")
    with pytest.raises(RegistryError, match="models:/elsewhere/1 has its files on another server"):
        resolve(asking, uri("models:/elsewhere/1"))
    version = Version("models:/elsewhere/2", "mlflow-artifacts://127.0.0.1:1/x")
    with pytest.raises(RegistryError, match="has its files on another server"):
        require_own(version, uri(version.uri))


# ------------------------------------------------------------- with the server away


@pytest.mark.slow
@pytest.mark.usefixtures("trained")
def test_a_start_without_the_server_has_what_the_last_one_had_a_reload_is_refused(
    door: Door,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", door.url)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    first = Registry(tmp_path / "cache")
    champion = first.find(uri(CHAMPION))
    fixed = first.find(uri(f"models:/{NAME}/2"))
    assert champion.version.uri == f"models:/{NAME}/1"
    door.shut()

    with pytest.raises(RegistryUnreachable, match=rf"127\.0\.0\.1:{door.port} cannot be reached"):
        first.find(uri(CHAMPION))
    assert first.find(uri(f"models:/{NAME}/2")) == Found(fixed.folder, fixed.version)
    assert caplog.messages == []

    second = Registry(tmp_path / "cache")  # another process
    with caplog.at_level(logging.WARNING, "mlserver.chorus"):
        assert second.find(uri(CHAMPION)) == Found(champion.folder, champion.version)
    (line,) = caplog.messages
    assert f"{CHAMPION} is taken for models:/{NAME}/1" in line
    with pytest.raises(RegistryUnreachable):
        Registry(tmp_path / "empty").find(uri(CHAMPION))
    (champion.folder / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(RegistryUnreachable):
        second.find(uri(CHAMPION))


def test_what_does_not_come_in_time_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(RegistryError, match=r"has not come within 1 s; .* CHORUS_MLFLOW_TIM"):
            Registry(tmp_path, seconds=1).find(uri(CHAMPION))


def test_no_address_of_a_server_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(RegistryError, match="set MLFLOW_TRACKING_URI to the address of an MLflow"):
        Registry(tmp_path).find(uri(CHAMPION))
