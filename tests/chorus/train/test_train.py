"""`chorus train`: what it learns, what it writes, what it refuses."""

from __future__ import annotations

import json
import random
import string
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.chorus.train.conftest import FAST, STANDIN, WORDS, Place, rows, tree, write_csv
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from chorus import catalog
from chorus.training.data import Data


def told(folder: Path, texts: list[str]) -> list[str]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        logits = model(**tokenizer(texts, padding=True, return_tensors="pt")).logits
    return [model.config.id2label[number] for number in logits.argmax(-1).tolist()]


def test_it_learns_two_columns_and_writes_a_whole_model(place: Place, table: Path) -> None:
    results = place.train(table, "--text", "map", *FAST, "--json").results

    assert results["accuracy"] >= 0.8
    assert results["rows"] == dict.fromkeys(sorted(WORDS), 16)
    assert (results["trained_rows"], results["validation_rows"]) == (36, 12)
    assert sum(map(sum, results["confusion"])) == 12
    assert [one["support"] for one in results["labels"].values()] == [4, 4, 4]
    files = tree(place.models)
    assert set(files) == {
        *("things/README.md", "things/confusion.png", "things/model-settings.json"),
        *("things/training.json", "things/weights/config.json"),
        *("things/weights/model.safetensors", "things/weights/tokenizer.json"),
        "things/weights/tokenizer_config.json",
    }
    assert json.loads(files["things/training.json"]) == results
    assert files["things/confusion.png"].startswith(b"\x89PNG")
    assert not any(str(place.root).encode() in content for content in files.values())
    assert (place.models / "things/weights/model.safetensors").stat().st_mode & 0o044 == 0o044
    (model,) = catalog.read(place.models)
    assert (model.name, model.standin) == ("things", None)
    weights = place.models / "things/weights"
    truth = [row["topic"] for row in rows()]
    answers = told(weights, [f"{row['title']} | {row['map']}" for row in rows()])
    assert sum(map(str.__eq__, truth, answers)) >= 40


def test_the_card_says_what_it_was_made_from(place: Place, table: Path) -> None:
    assert place.train(table, "--text", "map", *FAST).code == 0
    card = (place.models / "things" / "README.md").read_text(encoding="utf-8")

    assert "48 rows of `things.csv` with 3 labels" in card
    assert "Trained on 36; 12 distinct ones" in card
    assert "joined by ` | `" in card
    assert "`größe 📏`" in card
    assert "The labels are the file's" in card
    assert "trained from scratch" in card
    command = card.partition("```sh\n")[2].partition("\n```")[0]
    assert command.startswith("chorus train things.csv --text title --text map --label topic")
    assert "--seed 1" in command


def test_the_summary_shows_scores_and_what_to_do_next(place: Place, table: Path) -> None:
    done = place.train(table, *FAST, "--name", "named")

    assert done.code == 0, done.err
    for expected in (*WORDS, "precision", "accuracy", "chorus serve --models named", "model=named"):
        assert expected in done.out
    assert "chorus: epoch 1/12: loss" in done.err


@pytest.mark.parametrize("base", [(), ("--base", str(STANDIN))], ids=["scratch", "base"])
def test_the_same_command_writes_the_same_bytes_and_another_seed_others(
    place: Place, table: Path, base: tuple[str, ...]
) -> None:
    trees = []
    for seed in ("7", "7", "8"):
        options = ("--epochs", "2", "--seed", seed, "--replace", *base)
        assert place.train(table, *options).code == 0
        trees.append(tree(place.models))

    assert trees[0] == trees[1]
    weights = "things/weights/model.safetensors"
    assert trees[0][weights] != trees[2][weights]


def test_a_name_that_is_taken_is_refused(place: Place, table: Path) -> None:
    assert place.train(table, "--epochs", "1").code == 0
    assert "--replace" in place.refusal(table)
    (place.models / "own").mkdir()
    (place.models / "own" / "model-settings.json").write_text('{"name": "other"}')
    for name in ("own", "other"):
        assert "choose --name" in place.refusal(table, "--name", name, "--replace")


@pytest.mark.parametrize("name", ["all", "a/b", "../up", ".hidden", "größe", "x" * 101])
def test_a_name_that_cannot_be_served_is_refused(place: Place, table: Path, name: str) -> None:
    assert place.refusal(table, "--name", name).startswith("--name: ")


def test_a_file_of_rows_to_judge_by_takes_the_place_of_a_part(place: Place, table: Path) -> None:
    judged = write_csv(place.root / "judged.csv", rows()[::8])
    results = place.train(table, *FAST, "--validation-file", str(judged), "--json").results

    assert (results["trained_rows"], results["validation_rows"]) == (48, 6)
    assert "--validation-file judged.csv" in results["command"]
    strange = write_csv(place.root / "strange.csv", [{**rows()[0], "topic": "strange"}])
    line = place.refusal(table, "--validation-file", str(strange), "--name", "again")
    assert line.startswith(f"{strange}, row 2: its label is in no row of")


def test_a_dry_run_tells_the_balance_and_writes_nothing(place: Place, table: Path) -> None:
    plan = place.train(table, "--dry-run", "--json").results

    assert plan["rows"] == dict.fromkeys(sorted(WORDS), 16)
    assert plan["trained_rows"] + plan["validation_rows"] == 48
    assert not place.models.exists()
    assert "48" not in place.train(table, "--dry-run").err


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--max-length", "513"), "--max-length 513: the model takes at most 512 tokens"),
        (("--device", "cuda:99"), "--device cuda:99: this machine has no such GPU"),
        (("--device", "tpu"), "--device tpu is not cpu, cuda or cuda:N"),
        (("--base", "no folder!"), "no folder! is no folder and no repository"),
    ],
)
def test_options_that_cannot_be_met_are_refused_in_one_line(
    place: Place, table: Path, options: tuple[str, ...], reason: str
) -> None:
    assert place.refusal(table, *options, code=2 if "base" not in options[0] else 1) == reason


def test_rare_labels_weigh_as_much_as_common_ones() -> None:
    kept = [("a", 0)] * 90 + [("b", 1)] * 10
    data = Data(("common", "rare"), {}, kept, [])
    assert data.class_weights() == pytest.approx([100 / 180, 5.0])


def test_a_rare_label_is_still_told(place: Place) -> None:
    common = [{**row, "title": f"{row['title']} {i}"} for row in rows(["cold"]) for i in range(6)]
    file = write_csv(place.root / "rare.csv", common + rows(["warm"]))
    results = place.train(file, "--text", "map", *FAST, "--json").results

    assert results["rows"] == {"cold": 96, "warm": 16}
    assert results["labels"]["warm"]["recall"] >= 0.5


def test_weights_of_the_labels_can_be_left_out(place: Place) -> None:
    file = write_csv(place.root / "rare.csv", rows(["cold"]) + rows(["warm"])[::4])
    losses = [
        place.train(file, "--epochs", "1", "--class-weights", choice, "--replace", "--json").results
        for choice in ("auto", "none")
    ]
    assert losses[0]["epochs"][0]["loss"] != losses[1]["epochs"][0]["loss"]


def test_a_hundred_labels_of_any_letters_are_kept(place: Place) -> None:
    letters = random.Random(1).sample(string.ascii_lowercase * 4, 100)
    labels = [f"ラベル$_{i}^ {letter}|`" for i, letter in enumerate(letters)]
    table: list[dict[str, Any]] = [
        {"title": f"number {i} {j}", "topic": label} for i, label in enumerate(labels) for j in "ab"
    ]
    file = place.root / "hundred.jsonl"
    file.write_text("\n".join(map(json.dumps, table)))
    results = place.train(file, "--epochs", "1", "--json").results

    assert list(results["labels"]) == sorted(labels)
    assert results["validation_rows"] == 100
    config = json.loads((place.models / "hundred/weights/config.json").read_text())
    assert list(config["id2label"].values()) == sorted(labels)


def test_it_stops_when_nothing_gets_better(place: Place, table: Path) -> None:
    options = ("--text", "map", "--epochs", "60", "--patience", "2", "--learning-rate", "3e-3")
    results = place.train(table, *options, "--json").results

    assert len(results["epochs"]) == results["best_epoch"] + 2 < 60
