from __future__ import annotations

import pytest

from chorus import upstream_key


@pytest.mark.parametrize("name", ["API_KEYS", "ADMIN_KEYS", "API_KEYS_FILE"])
def test_with_keys_of_any_kind_each_start_has_its_own(name: str) -> None:
    made = [upstream_key.of_this_start({f"CHORUS_{name}": "keys"}) for _ in range(2)]
    assert made[0] != made[1]
    assert min(map(len, made)) >= 43, "256 bits"


def test_one_that_is_set_is_taken() -> None:
    environment = {"CHORUS_UPSTREAM_KEY": "mine", "CHORUS_API_KEYS": "keys"}
    assert upstream_key.of_this_start(environment) == "mine"
    assert upstream_key.of_this_start({"CHORUS_UPSTREAM_KEY": "mine"}) == "mine"


@pytest.mark.parametrize("keys", ["", " , ", ","])
def test_without_keys_there_is_none(keys: str) -> None:
    assert upstream_key.of_this_start({"CHORUS_API_KEYS": keys}) == ""
    assert upstream_key.header("") == {}
    assert upstream_key.variable("") == {}
