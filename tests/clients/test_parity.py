"""Through gateway and model server, every task says what transformers itself says."""

from __future__ import annotations

import base64
import io
import wave
from typing import Any

import httpx
import numpy as np
import pytest
from tests.chorus_gateway.tasks.test_schemas import PUBLIC
from tests.clients.cases import CASES, Case
from tests.clients.comparing import assert_same
from tests.clients.oracle import decoded, directly, plain
from tests.clients.schemas import problems
from tests.stack.conftest import Stack

from chorus_gateway.tasks.table import ALIASES, TASKS, find

HUB = {"user-agent": "unknown/None; hf_hub/2.4.0; python/3.11.7"}
QUANTUM = 1.01 / 32768
"""The step between two samples of a WAV file of 16 bits, and a little for rounding."""

# Of these clients get the file itself; tests of the clients see to that.
FILES = {"text-to-audio", "text-to-speech"}

SPOKEN = [case for case in CASES if case.task == "text-to-audio"]
OTHERS = [case for case in CASES if case.task != "text-to-audio"]


def predict(stack: Stack, task: str, inputs: Any, parameters: Any) -> Any:
    # The parameters of feature extraction stand beside its inputs.
    options = parameters if find(task).at_root else {"parameters": parameters}
    body = {"hf_pipeline": task, "model_deployed_url": task, "inputs": inputs, **options}
    reply = httpx.post(f"{stack.url}/predict?shape=hf", json=body, timeout=60)
    assert reply.status_code == 200, reply.text
    return reply.json()


def expected(case: Case, given: Any) -> Any:
    return plain(directly(case.task)(decoded(case.task, given), case.parameters))


def test_every_task_of_the_table_has_a_case() -> None:
    assert {case.task for case in CASES} == TASKS.keys()


@pytest.mark.parametrize("case", OTHERS, ids=str)
def test_one_input(tasks: Stack, case: Case) -> None:
    found = predict(tasks, case.task, case.inputs[0], case.parameters)
    assert_same(plain(found), expected(case, case.inputs[0]))


@pytest.mark.parametrize("case", OTHERS, ids=str)
def test_several_inputs(tasks: Stack, case: Case) -> None:
    found = predict(tasks, case.task, case.inputs, case.parameters)
    wanted = [expected(case, given) for given in case.inputs]
    assert_same(plain(found), [one[0] for one in wanted] if case.lone else wanted)


@pytest.mark.parametrize("case", SPOKEN, ids=str)
def test_speech(tasks: Stack, case: Case) -> None:
    for text in case.inputs:
        found = predict(tasks, case.task, text, case.parameters)
        wanted = expected(case, text)
        assert found["sampling_rate"] == wanted["sampling_rate"]
        with wave.open(io.BytesIO(base64.b64decode(found["audio"]))) as file:
            assert file.getframerate() == wanted["sampling_rate"]
            samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2") / 32768
        np.testing.assert_allclose(samples, np.ravel(wanted["audio"]), atol=QUANTUM)


def test_what_has_no_sound_is_the_callers_mistake(tasks: Stack) -> None:
    """The stand-in's vocabulary is the Latin alphabet, as that of most voices is one alphabet."""
    reply = httpx.post(
        f"{tasks.url}/models/text-to-audio", json={"inputs": ["Hello", "Привет"]}, timeout=60
    )
    assert reply.status_code == 400
    assert "nothing that this model can speak" in reply.json()["error"]


@pytest.mark.parametrize("task", [task for task in PUBLIC if task not in FILES])
def test_what_clients_get_fits_the_public_schema(tasks: Stack, task: str) -> None:
    name = ALIASES.get(task, task)
    case = next(case for case in CASES if case.task == name)
    options = case.parameters if find(name).at_root else {"parameters": case.parameters}
    body = {"inputs": case.inputs[0], **options}
    reply = httpx.post(f"{tasks.url}/models/{name}", json=body, headers=HUB, timeout=60)
    assert reply.status_code == 200, reply.text
    assert problems(task, reply.json()) == []
