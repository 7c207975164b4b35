"""From a row of the catalogue to a folder with a checkpoint and its card."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

from transformers import PretrainedConfig, RobertaConfig, XLMRobertaConfig, pipeline

from chorus.standins.card import model_card
from chorus.standins.catalogue import STANDINS, StandIn
from chorus.standins.examples import Example, held_out, without_held_out
from chorus.standins.vocabulary import unigram
from chorus.training.averaging import averaging_classifier
from chorus.training.byte_level import NO_LIMIT, byte_level
from chorus.training.saving import slim
from chorus.training.train import train

SEED = 20
BPE_SIZE = 2500

_CONFIGS = {"xlm-roberta": XLMRobertaConfig, "roberta": RobertaConfig}
_TOKENIZERS: Mapping[str, Callable[[Iterable[str]], Any]] = {
    "xlm-roberta": unigram,
    "roberta": partial(byte_level, size=BPE_SIZE),
}


def build(row: StandIn, folder: Path) -> float:
    """Train one stand-in into `folder`; its accuracy on the hand-written sentences, 0 to 1."""
    tokenizer = _tokenizer(row.family)
    tokenizer.model_max_length = row.model_max_length or NO_LIMIT
    rows = training_examples(row)
    report = train(
        [example.text for example in rows],
        [example.label for example in rows],
        row.labels,
        averaging_classifier(_config(row, len(tokenizer)), SEED),
        tokenizer,
        folder,
        seed=SEED,
        recipe=row.recipe,
        augment=row.augment,
    )
    slim(folder)
    answers = answer(folder, held_out(row.key))
    (folder / "README.md").write_text(model_card(row, report, answers), encoding="utf-8")
    return sum(told == example.label for example, told in answers) / len(answers)


def answer(folder: Path, examples: list[Example]) -> list[tuple[Example, str]]:
    """What the checkpoint in `folder` says to each example."""
    classify = pipeline("text-classification", model=str(folder), device="cpu")
    told = classify([example.text for example in examples])
    return [(example, result["label"]) for example, result in zip(examples, told, strict=True)]


@cache
def _tokenizer(family: str) -> Any:
    """One tokenizer per family, from the texts of all its members, whichever are trained."""
    members = [row for row in STANDINS.values() if row.family == family]
    corpora = [[example.text for example in training_examples(row)] for row in members]
    # A short corpus is repeated, or thirty-five languages would drown in the templates of three.
    longest = max(map(len, corpora))
    return _TOKENIZERS[family](
        [text for corpus in corpora for text in corpus * (longest // len(corpus))]
    )


@cache
def training_examples(row: StandIn) -> list[Example]:
    """All that a stand-in is trained on, the same at every call, no held-out sentence among it."""
    rng = Random(f"{SEED} {row.key}")  # noqa: S311 - picks words, guards nothing
    return without_held_out(row.examples(rng))


def _config(row: StandIn, vocabulary: int) -> PretrainedConfig:
    """The real models' configuration a twelfth as wide and a sixth as deep."""
    return _CONFIGS[row.family](
        num_labels=len(row.labels),
        vocab_size=vocabulary,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=128,
        hidden_act="gelu",
        max_position_embeddings=514,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        # 0.02 suits 768 wide; narrower rows need larger entries to differ from the start.
        initializer_range=0.05,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
    )
