"""How a model of MLflow is named."""

from __future__ import annotations

import pytest

from chorus_weights.errors import SourceError
from chorus_weights.registry.uri import parse


@pytest.mark.parametrize(
    ("uri", "said", "is_fixed"),
    [
        ("models:/topics@champion", {"name": "topics", "alias": "champion"}, False),
        ("models:/Topics of 2026/3", {"name": "Topics of 2026", "version": "3"}, True),
        ("models:/topics/latest", {"name": "topics", "version": "latest"}, False),
        (f"models:/m-{'0a' * 16}", {"model_id": f"m-{'0a' * 16}"}, True),
        ("runs:/12ab/out/model", {"run_id": "12ab", "path": "out/model"}, True),
    ],
)
def test_every_form_is_read(uri: str, said: dict[str, str], is_fixed: bool) -> None:
    found = parse(uri)
    assert found
    parts = {name: value for name, value in vars(found).items() if value and name != "text"}
    assert (found.text, parts, found.is_fixed) == (uri, said, is_fixed)


@pytest.mark.parametrize("uri", ["hf://org/name", "./weights", "/srv/models:/x", "org/name"])
def test_what_is_not_of_mlflow_is_for_others(uri: str) -> None:
    assert parse(uri) is None


@pytest.mark.parametrize(
    "uri",
    [
        *("models:/a", "models:/a/b/c", "models://a/1", "models:a@b", "models:/a@b/1"),
        *("runs:/x", "runs:/x/../y", "runs:/x/y' OR name != '", "models:/a' OR name != '/1"),
    ],
)
def test_what_is_of_no_known_form_is_refused(uri: str) -> None:
    with pytest.raises(SourceError, match=r"is not of the form models:/NAME@ALIAS"):
        parse(uri)


def test_stages_are_refused_with_what_took_their_place() -> None:
    with pytest.raises(SourceError, match=r"names a stage, .* models:/topics@champion"):
        parse("models:/topics/Production")
