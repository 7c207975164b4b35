"""Conversations against `generate` by hand, and what streaming builds on."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from mlserver_chorus.engine.errors import LoadError
from mlserver_chorus.pipelines.own import limits

from .checkpoints import TEMPLATE, made, save_tokenizer

SAID = [
    {"role": "system", "content": "the tower"},
    {"role": "user", "content": "where is it?"},
]


def by_hand(folder: Path, text: str, **settings: Any) -> str:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    ids = torch.tensor([tokenizer(text)["input_ids"]])
    with torch.no_grad():
        output = model.generate(ids, pad_token_id=0, **settings)[0, ids.shape[1] :]
    answer: str = tokenizer.decode(
        output, skip_special_tokens=True, clean_up_tokenization_spaces=True
    )
    assert answer
    return answer


def test_the_answer_follows_the_template(chat: Path) -> None:
    expected = by_hand(chat, "s : the tower | u : where is it? | a : ", max_new_tokens=12)
    answer = made("conversational", chat)
    assert answer([SAID], max_new_tokens=12) == [
        [*SAID, {"role": "assistant", "content": expected}]
    ]
    assert answer([SAID, SAID], max_new_tokens=12) == answer([SAID], max_new_tokens=12) * 2


def test_an_answer_ends_before_a_stop_string(chat: Path) -> None:
    answer = made("conversational", chat)
    whole = answer([SAID], max_new_tokens=12)[0][-1]["content"]
    stop = whole[len(whole) // 2 : len(whole) // 2 + 2]
    found = answer([SAID], max_new_tokens=12, stop=[stop])[0][-1]["content"]
    assert found == whole.partition(stop)[0]


def test_a_long_conversation_loses_its_beginning_and_leaves_room(chat: Path) -> None:
    talk: Any = made("conversational", chat)
    long = [{"role": "user", "content": "where is the tower in paris? " * 30}]
    assert len(talk.prompt(long)) == 32
    assert len(talk.prompt(long, max_new_tokens=10)) == 54
    assert talk.prompt(long)[-3:] == talk.prompt([{"role": "user", "content": "paris?"}])[-3:]
    (found,) = talk([long], max_new_tokens=500, min_new_tokens=32)
    assert found[-1]["role"] == "assistant"


def test_a_stream_has_the_tokens_of_the_answer(chat: Path) -> None:
    talk: Any = made("conversational", chat)
    prompt = talk.prompt(SAID, max_new_tokens=9)
    ids = talk.model.generate(**talk.settings(prompt, max_new_tokens=9))[0].tolist()
    assert ids[: len(prompt)] == prompt
    text = talk.tokenizer.decode(
        ids[len(prompt) :], skip_special_tokens=True, clean_up_tokenization_spaces=True
    )
    assert talk([SAID], max_new_tokens=9)[0][-1]["content"] == text


def test_an_answer_has_256_tokens_at_most_unless_more_are_asked_for(
    chat: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk: Any = made("conversational", chat)
    monkeypatch.setattr(limits, "writable", lambda model: 1000)
    assert talk.settings([6, 7])["max_new_tokens"] == 256
    assert talk.settings([6, 7], max_new_tokens=5000)["max_new_tokens"] == 998
    assert talk.settings([6, 7], max_length=300).get("max_new_tokens") is None


def test_the_template_may_refuse(chat: Path) -> None:
    with pytest.raises(ValueError, match="chat template refuses"):
        made("conversational", chat)([SAID[::-1]])


@pytest.mark.parametrize(
    "template",
    [
        "{{ cycler.__init__.__globals__.os.mkdir(messages[0].content) }}",
        "{{ raise_exception.__globals__['os'].mkdir(messages[0].content) }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.append(messages) }}",
        "{% set n = namespace() %}{% set n.__class__ = 1 %}",
    ],
)
def test_the_template_of_a_checkpoint_is_confined(
    chat: Path, tmp_path: Path, template: str
) -> None:
    folder = tmp_path / "it"
    shutil.copytree(chat, folder)
    (folder / "chat_template.jinja").write_text(template)
    ran = tmp_path / "ran"
    with pytest.raises(ValueError, match="chat template refuses"):
        made("conversational", folder)([[{"role": "user", "content": str(ran)}]])
    assert not ran.exists()


def test_without_a_template_there_is_no_chat(chat: Path, tmp_path: Path) -> None:
    from mlserver_chorus.pipelines.own import build

    save_tokenizer(tmp_path)
    with pytest.raises(LoadError, match="chat template"):
        build("conversational", chat, "cpu", tokenizer=tmp_path)


def test_an_encoder_decoder_talks_too(bart: Path, tmp_path: Path) -> None:
    import torch

    from mlserver_chorus.pipelines.own import build

    save_tokenizer(tmp_path, single="$A", chat_template=TEMPLATE)
    talk: Any = build("conversational", bart, "cpu", tokenizer=tmp_path)
    (found,) = talk([SAID], max_new_tokens=8)
    with torch.no_grad():
        ids = talk.model.generate(torch.tensor([talk.prompt(SAID)]), max_new_tokens=8)[0, 1:]
    assert found[-1]["content"] == talk.tokenizer.decode(
        ids, skip_special_tokens=True, clean_up_tokenization_spaces=True
    )
    assert talk([[{"role": "user", "content": "paris " * 200}]], max_new_tokens=500)
