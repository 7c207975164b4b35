from __future__ import annotations

import pytest

from chorus_http.v2_paths import is_probe, template_of


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/v2", "/v2"),
        ("/v2/models/a", "/v2/models/{model_name}"),
        ("/v2/models/a.b-c/infer", "/v2/models/{model_name}/infer"),
        (
            "/v2/models/a/versions/1/generate_stream",
            "/v2/models/{model_name}/versions/{model_version}/generate_stream",
        ),
        ("/v2/repository/models/a/load", "/v2/repository/models/{model_name}/load"),
        ("/v2/models/a/b/infer", None),
        ("/v2/models/a/infer/", None),
        ("/v2/models//infer", None),
        ("/v2/models/a/infer\n", None),
        ("/canary", None),
    ],
)
def test_the_template_names_no_model(path: str, template: str | None) -> None:
    assert template_of(path) == template


@pytest.mark.parametrize(
    ("path", "probe"),
    [
        ("/v2/health/live", True),
        ("/v2/health/ready", True),
        ("/v2/models/a/ready", True),
        ("/v2/models/a/infer", False),
        ("/v2/models/ready/infer", False),
        ("/v2/models/a/versions/1/ready", True),
        ("/v2/models/ready", False),
        ("/canary/ready", False),
        ("/v2", False),
    ],
)
def test_probes(path: str, probe: bool) -> None:
    assert is_probe(path) == probe
