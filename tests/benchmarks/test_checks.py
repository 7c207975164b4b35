"""The eleven checks: each is passed by a right reply and failed by its own violation."""

import json

import pytest
from benchmarks.answers import KEYS, Answers, Result
from benchmarks.asking import calls
from benchmarks.checks import ALLOWED, violations
from benchmarks.peers.chorus import Chorus

RIGHT: Answers = {
    "cardiffnlp": Result("POSITIVE", 0.9),
    "ivanlau": Result("Mongolian", 0.8),
    "svalabs": Result("HAM", 0.7),
    "EIStakovskii": Result("LABEL_0", 0.6),
    "jy46604790": Result("LABEL_1", 0.5),
}
NOT_ALLOWED = {
    "cardiffnlp": "positive",
    "ivanlau": "Mangolian",
    "svalabs": "LABEL_0",
    "EIStakovskii": "HAM",
    "jy46604790": "Fake",
}


def test_a_right_reply_passes_all() -> None:
    assert violations(RIGHT) == []


def test_check_1_wants_a_reply_that_can_be_read() -> None:
    assert violations(None) == [1]


@pytest.mark.parametrize(("number", "key"), list(enumerate(KEYS, start=2)))
@pytest.mark.parametrize("score", [0.0, -0.5, float("nan")])
def test_checks_2_to_6_want_scores_above_zero(number: int, key: str, score: float) -> None:
    assert violations({**RIGHT, key: Result(RIGHT[key].label, score)}) == [number]


@pytest.mark.parametrize(("number", "key"), list(enumerate(KEYS, start=7)))
def test_checks_7_to_11_want_the_models_own_labels(number: int, key: str) -> None:
    assert violations({**RIGHT, key: Result(NOT_ALLOWED[key], 0.5)}) == [number]


def test_a_missing_model_fails_both_of_its_checks() -> None:
    answers = {key: answer for key, answer in RIGHT.items() if key != "svalabs"}
    assert violations(answers) == [4, 9]
    assert violations(answers, [*answers]) == []


def test_every_language_but_the_misspelt_one_is_allowed() -> None:
    assert len(ALLOWED["ivanlau"]) == 45


@pytest.mark.parametrize(
    ("body", "good"),
    [
        (json.dumps({key: value._asdict() for key, value in RIGHT.items()}).encode(), True),
        (b"not JSON", False),
        (b'{"cardiffnlp": {"score": 0.9, "label": "POSITIVE"}}', False),
        (json.dumps({key: {"score": 0.583, "label": "HAM"} for key in KEYS}).encode(), False),
    ],
)
def test_a_reply_under_load_is_checked(body: bytes, good: bool) -> None:
    (((_, check),),) = calls(
        Chorus({}, "cpu"), 80, ["text"], [[RIGHT]], lambda answers: not violations(answers)
    )
    assert check(body) is good


def test_an_answer_that_differs_from_the_one_alone_is_wrong_though_it_passes_the_checks() -> None:
    other = {**RIGHT, "svalabs": Result("SPAM", 0.7)}
    (((_, check),),) = calls(
        Chorus({}, "cpu"), 80, ["text"], [[other]], lambda answers: not violations(answers)
    )
    body = json.dumps({key: value._asdict() for key, value in RIGHT.items()}).encode()
    assert not check(body)
