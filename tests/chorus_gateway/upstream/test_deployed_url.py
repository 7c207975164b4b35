from __future__ import annotations

import pytest

from chorus_gateway.errors import BadInput, UrlNotAllowed
from chorus_gateway.outbound.text import Origin
from chorus_gateway.upstream.deployed_url import FORMS, REFUSAL, DeployedUrls
from chorus_gateway.upstream.target import Target

HOST = Origin("https", "models.example.com", 443)
URLS = DeployedUrls(
    ["http://127.0.0.1:8080"],
    ["https://models.example.com", "http://[::2]:9000/", "https://*.wild.example.com:8443"],
    {"sentiment": "https://named.example.com/v2/models/m"},
)


@pytest.mark.parametrize(
    ("path", "model", "version"),
    [
        ("", None, None),
        ("/", None, None),
        ("/v2/models/m/infer", "m", None),
        ("/v2/models/m/infer/", "m", None),
        ("/v2/models/m", "m", None),
        ("/v2/models/m/", "m", None),
        ("/v2/models/a.b_C-1/versions/v.2/infer", "a.b_C-1", "v.2"),
        ("/v2/models/m/versions/2", "m", "2"),
        ("/v2/models/m/versions/2/", "m", "2"),
        ("/v2/models/m/infer?token=x&a=/../", "m", None),
        (f"/v2/models/{'x' * 128}", "x" * 128, None),
    ],
)
def test_every_form_of_a_url(path: str, model: str | None, version: str | None) -> None:
    target = URLS.resolve(f"https://models.example.com{path}")
    assert target == Target(HOST, model, version)
    if model:
        assert target.path == f"/v2/models/{model}" + (f"/versions/{version}" if version else "")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("HTTPS://Models.Example.COM:443/v2/models/m", HOST),
        ("http://[::2]:9000", Origin("http", "[::2]", 9000)),
        ("https://a.wild.example.com:8443", Origin("https", "a.wild.example.com", 8443)),
        ("https://a.b.wild.example.com:8443", Origin("https", "a.b.wild.example.com", 8443)),
    ],
)
def test_who_is_allowed(url: str, origin: Origin) -> None:
    assert URLS.resolve(url).origin == origin


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "LOCALHOST"])
def test_our_own_servers_by_any_name_are_asked_as_one(host: str) -> None:
    assert URLS.resolve(f"http://{host}:8080/v2/models/m/infer") == Target(None, "m")


def test_names() -> None:
    assert URLS.resolve("cardiffnlp") == Target(None, "cardiffnlp")
    assert URLS.resolve("sentiment") == Target(Origin("https", "named.example.com", 443), "m")
    assert URLS.names == ["sentiment"]


@pytest.mark.parametrize(
    "url",
    [
        "http://models.example.com",  # another scheme
        "https://models.example.com:444/v2/models/m",
        "https://models.example.com.evil.org/v2/models/m",
        "https://evil-models.example.com",
        "https://wild.example.com:8443",
        "https://a.wild.example.com",
        "http://127.0.0.1:8081",
        "https://127.0.0.1:8080",
        "http://0.0.0.0:8080",
        "http://[::ffff:7f00:1]:8080",
        "http://169.254.169.254/v2/models/m/infer",
        "http://metadata.internal",
    ],
)
def test_who_is_not_allowed_is_told_one_sentence(url: str) -> None:
    with pytest.raises(UrlNotAllowed) as caught:
        URLS.resolve(url)
    assert str(caught.value) == REFUSAL


@pytest.mark.parametrize(
    "url",
    [
        "",
        " ",
        "https://",
        "https:///v2/models/m",
        "https://.wild.example.com:8443",
        "https://models.example.com.",
        "http://127.1:8080",
        "http://0x7f000001:8080",
        "http://2130706433:8080",
        "http://[0::1]:8080",
        "http://[::ffff:127.0.0.1]:8080",
        "ftp://models.example.com/v2/models/m",
        "file:///etc/passwd",
        "//models.example.com/v2/models/m",
        "https://user@models.example.com/v2/models/m",
        "https://user:secret@models.example.com",
        "https://models.example.com#@127.0.0.1:8080/",
        "https://models.example.com/v2/models/m#fragment",
        "https://models.example.com\\@127.0.0.1/",
        "https://models.example.com/v2/models/m ",
        " https://models.example.com",
        "https://models.example.com/v2/models/m\n",
        "https://models.example.com\r\nHost: x",
        "https://models.example.com/\t",
        "https://modéls.example.com",
        "https://models.example.com/v2/models/m\0",
        "https://models.example.com:0/",
        "https://models.example.com:65536/",
        "https://models.example.com:/",
        "https://models.example.com:٣/",
        "https://models.example.com/v2/models/..",
        "https://models.example.com/v2/models/./infer",
        "https://models.example.com/v2/models/../../admin",
        "https://models.example.com/v2/models/%2e%2e/infer",
        "https://models.example.com/v2/models/a%2fb",
        "https://models.example.com/v2/models/m/versions/../infer",
        "https://models.example.com/v2/models/m/load",
        "https://models.example.com/v2/repository/index",
        "https://models.example.com//v2/models/m",
        f"https://models.example.com/v2/models/{'x' * 129}",
        "https://models.example.com/?" + "x" * 2048,
        "..",
        ".",
        "x" * 129,
        None,
        7,
        ["https://models.example.com"],
    ],
)
def test_what_is_no_address_is_told_what_is(url: object) -> None:
    with pytest.raises(BadInput) as caught:
        URLS.resolve(url)
    assert str(caught.value) == FORMS


@pytest.mark.parametrize(
    "options",
    [
        {"allowed": ["https://models.example.com/v2"]},
        {"named": {"a/b": "https://models.example.com/v2/models/m"}},
        {"named": {"a": "models.example.com"}},
    ],
)
def test_wrong_settings_are_found_at_the_start(options: dict[str, list[str]]) -> None:
    with pytest.raises(ValueError, match="not"):
        DeployedUrls([], **options)  # type: ignore[arg-type]


def test_what_the_operator_wrote_down_is_told_from_what_it_let_in() -> None:
    assert URLS.is_listed(HOST)
    assert URLS.is_listed(Origin("https", "named.example.com", 443))
    assert not URLS.is_listed(Origin("https", "a.wild.example.com", 8443))
    with pytest.raises(UrlNotAllowed):  # a name for one is no leave to send others there
        URLS.resolve("https://named.example.com/v2/models/m")


def test_a_model_server_below_a_path_is_reached_by_name_alone() -> None:
    urls = DeployedUrls(["http://127.0.0.1:8080/prefix"])
    assert urls.resolve("m") == Target(None, "m")
    with pytest.raises(UrlNotAllowed):
        urls.resolve("http://127.0.0.1:8080/v2/models/m")
