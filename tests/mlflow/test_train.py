"""`chorus train --mlflow`: what MLflow has of it, and that nothing is lost where MLflow is away."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.mlflow.conftest import COLD, EXPERIMENT, NAME, NEW, OLD, Server, Trained, table, train
from tests.mlflow.door import Door
from transformers import pipeline

from chorus.errors import UsageError
from chorus.training.progress import TrainingProgress
from chorus_weights.digest import sha256

pytestmark = pytest.mark.timeout(400)  # the server starts in the first test's time


def test_the_run_has_what_it_was_made_from_and_came_to(server: Server, trained: Trained) -> None:
    client, results = server.client, trained.new
    run = client.get_run(results["mlflow"]["run_id"])
    said, metrics = run.data.params, run.data.metrics

    assert (run.info.status, run.info.run_name) == ("FINISHED", NAME)
    assert client.get_experiment(run.info.experiment_id).name == EXPERIMENT
    assert results["mlflow"]["page"].startswith(f"{server.url}/#/experiments/")
    assert (said["epochs"], said["seed"], said["max_length"]) == ("6", "1", "16")
    assert (said["text_columns"], said["label_column"]) == ("text", "label")
    assert said["base"] == "none: from scratch"
    file = trained.models.parent / "new.csv"
    assert (said["data_file"], said["data_sha256"]) == (
        "new.csv",
        hashlib.sha256(file.read_bytes()).hexdigest(),
    )
    assert {"torch_version", "transformers_version", "chorus_version"} <= set(said)
    assert metrics["accuracy"] == results["accuracy"]
    assert metrics["macro_f1"] == results["macro_f1"]
    assert metrics["recall/freezing"] == results["labels"]["freezing"]["recall"]
    # The third label has a sign in it that MLflow takes in no name.
    assert metrics["f1/label 2"] == results["labels"][NEW[2]]["f1"]
    files = {one.path for one in client.list_artifacts(run.info.run_id)}
    assert files >= {"confusion.png", "training.json", "README.md"}


def test_every_epoch_is_there(server: Server, trained: Trained) -> None:
    run_id = trained.new["mlflow"]["run_id"]
    for name in ("loss", "validation_loss", "validation_f1"):
        told = {m.step: m.value for m in server.client.get_metric_history(run_id, name)}
        assert told == {n: epoch[name] for n, epoch in enumerate(trained.new["epochs"], 1)}


def test_versions_are_told_apart_and_the_alias_is_where_it_was_put(
    server: Server, trained: Trained
) -> None:
    client = server.client
    champion = client.get_model_version_by_alias(NAME, "champion")
    assert str(champion.version) == trained.old["mlflow"]["version"] == "1"
    assert trained.new["mlflow"]["version"] == "2"
    tags = client.get_model_version(NAME, "2").tags
    assert tags["accuracy"] == f"{trained.new['accuracy']:.4f}"
    assert tags["data_file"] == "new.csv"
    assert tags["command"] == trained.new["command"]


def test_mlflow_loads_it_back_with_the_same_answers(
    server: Server, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow.transformers

    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    weights = trained.models / NAME / "weights"
    loaded = mlflow.transformers.load_model(f"models:/{NAME}/2")
    asked = [COLD, "a house of ember"]

    assert loaded(asked) == pipeline("text-classification", str(weights), device="cpu")(asked)
    described = mlflow.models.get_model_info(f"models:/{NAME}/2")
    assert described.signature.inputs.to_dict() == [{"type": "string", "required": True}]
    assert described.saved_input_example_info
    assert str(trained.models) not in str(described.flavors)


def test_interrupted_it_goes_on_in_the_same_run(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = table(tmp_path / "half.csv", OLD)
    options = ("--epochs", "3", "--mlflow")

    def interrupt(shown: object, epoch: int, result: object) -> None:
        if epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(TrainingProgress, "ended", interrupt)
        assert train(server.url, tmp_path / "models", file, *options).code == 130
    client = server.client
    experiment = client.get_experiment_by_name("half")
    assert experiment
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "KILLED"

    results = train(server.url, tmp_path / "models", file, *options).results
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert results["mlflow"]["run_id"] == run.info.run_id
    # The second epoch was done, and the interrupt came before it was sent.
    history = client.get_metric_history(run.info.run_id, "loss")
    assert sorted(metric.step for metric in history) == [1, 2, 3]


def test_a_training_that_fails_is_failed(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(shown: object, epoch: int, result: object) -> None:
        raise UsageError("the disk is full")

    monkeypatch.setattr(TrainingProgress, "ended", fail)
    file = table(tmp_path / "failing.csv", OLD)
    done = train(server.url, tmp_path / "models", file, "--mlflow")
    assert (done.code, done.line) == (2, "the disk is full")
    experiment = server.client.get_experiment_by_name("failing")
    assert experiment
    (run,) = server.client.search_runs([experiment.experiment_id])
    assert run.info.status == "FAILED"


def test_a_server_that_goes_away_costs_nothing_that_was_trained(
    server: Server, door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, models = table(tmp_path / "cut.csv", OLD), tmp_path / "models"
    options = ("--epochs", "3", "--mlflow", "--mlflow-alias", "champion")

    def shut(shown: object, epoch: int, result: object) -> None:
        if epoch == 2:
            door.shut()

    with monkeypatch.context() as patch:
        patch.setattr(TrainingProgress, "ended", shut)
        done = train(door.url, models, file, *options)
    assert done.code == 1
    assert "training goes on" in done.err
    assert f"127.0.0.1:{door.port} cannot be reached" in done.line
    assert "the same command with --replace sends it, and trains nothing again" in done.line
    assert json.loads(done.out)["mlflow"] is None
    weights = models / "cut" / "weights" / "model.safetensors"
    kept = sha256(weights)

    door.open()
    again = train(door.url, models, file, *options, "--replace")
    assert "epoch 1/3" not in again.err
    made = again.results["mlflow"]
    assert sha256(weights) == kept
    history = server.client.get_metric_history(made["run_id"], "loss")
    assert sorted(metric.step for metric in history) == [1, 2, 3]
    assert server.client.get_run(made["run_id"]).info.status == "FINISHED"
    assert server.client.get_model_version_by_alias("cut", "champion").run_id == made["run_id"]
    assert not (models / ".training").exists()


def test_a_server_that_is_away_is_told_before_anything_is_trained(
    door: Door, tmp_path: Path
) -> None:
    door.shut()
    done = train(door.url, tmp_path / "models", table(tmp_path / "away.csv", OLD), "--mlflow")
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines() == [
        f"chorus: MLflow at 127.0.0.1:{door.port} cannot be reached; start it, or correct "
        "MLFLOW_TRACKING_URI"
    ]
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(
    ("uri", "options", "reason"),
    [
        ("", ("--mlflow",), "--mlflow needs MLFLOW_TRACKING_URI, the address of an MLflow"),
        ("http://x", ("--mlflow-alias", "best"), "--mlflow-alias needs --mlflow"),
        ("http://x", ("--mlflow", "--mlflow-alias", "v2"), "--mlflow-alias v2: letters, digits"),
        ("http://x", ("--mlflow", "--mlflow-alias", "a b"), "--mlflow-alias a b: letters"),
    ],
)
def test_options_that_cannot_be_met_are_refused(
    tmp_path: Path, uri: str, options: tuple[str, ...], reason: str
) -> None:
    done = train(uri, tmp_path / "models", table(tmp_path / "x.csv", OLD), *options)
    assert (done.code, done.out) == (2, "")
    assert done.line.startswith(reason)


def test_without_its_client_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chorus_weights.registry.client.is_installed", lambda: False)
    done = train("http://x", tmp_path / "models", table(tmp_path / "x.csv", OLD), "--mlflow")
    assert (done.code, done.out) == (2, "")
    assert done.line.endswith("pip install -r requirements-mlflow.txt")


def test_a_key_in_the_address_is_shown_nowhere(server: Server, tmp_path: Path) -> None:
    file = table(tmp_path / "keyed.csv", OLD)
    uri = server.url.replace("//", "//somebody:secret@")
    done = train(uri, tmp_path / "models", file, "--epochs", "1", "--mlflow")
    assert done.results["mlflow"]["page"].startswith(server.url)
    assert "secret" not in done.out + done.err


@pytest.mark.slow
def test_terminated_or_killed_it_goes_on_in_the_same_run(server: Server, tmp_path: Path) -> None:
    file = table(tmp_path / "ended.csv", OLD)
    options = ("--epochs", "30", "--patience", "30")
    argv = ["train", str(file), "--text", "text", "--label", "label", "--device", "cpu", "--mlflow"]
    argv += ["--into", str(tmp_path / "models"), "--max-length", "16", "--json", *options]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CHORUS_")}

    def ended(number: int) -> int:
        process = subprocess.Popen(
            [sys.executable, "-m", "chorus", *argv],
            env=clean | {"MLFLOW_TRACKING_URI": server.url},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr
        for line in process.stderr:
            if "chorus: epoch" in line:
                break
        process.send_signal(number)
        process.stderr.read()
        return process.wait(60)

    def status() -> tuple[str, str]:
        experiment = server.client.get_experiment_by_name("ended")
        assert experiment
        (run,) = server.client.search_runs([experiment.experiment_id])
        return run.info.run_id, run.info.status

    assert ended(signal.SIGTERM) == 130
    run_id, said = status()
    assert said == "KILLED"
    assert ended(signal.SIGKILL) == -signal.SIGKILL
    assert status() == (run_id, "RUNNING")
    results = train(server.url, tmp_path / "models", file, "--mlflow", *options).results
    assert status() == (run_id, "FINISHED")
    history = server.client.get_metric_history(run_id, "loss")
    assert sorted(metric.step for metric in history) == list(range(1, len(results["epochs"]) + 1))


def test_who_does_not_ask_for_mlflow_does_not_import_it() -> None:
    program = (
        "import sys, chorus.train, chorus_weights.registry.local; print('mlflow' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "False\n"
