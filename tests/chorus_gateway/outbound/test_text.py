from __future__ import annotations

from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st
from yarl import URL

from chorus_gateway.outbound.text import Origin, UnreadableUrl, Url, is_literal, is_name, read_url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://a.example", Url(Origin("http", "a.example", 80), "", "")),
        ("https://a.example/", Url(Origin("https", "a.example", 443), "/", "")),
        ("HTTPS://A.Example:8443/B?C=d", Url(Origin("https", "a.example", 8443), "/B", "C=d")),
        ("http://a_b:1/a%2Fb;c/?x=/y?z", Url(Origin("http", "a_b", 1), "/a%2Fb;c/", "x=/y?z")),
        ("http://a.example?b[]=1", Url(Origin("http", "a.example", 80), "", "b[]=1")),
        ("http://8.8.8.8:65535/", Url(Origin("http", "8.8.8.8", 65535), "/", "")),
        ("http://[2606:4700::1111]/", Url(Origin("http", "[2606:4700::1111]", 80), "/", "")),
        (
            "http://xn--bcher-kva.example/",
            Url(Origin("http", "xn--bcher-kva.example", 80), "/", ""),
        ),
    ],
)
def test_the_parts_of_a_url(text: str, url: Url) -> None:
    assert read_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.example",
        "http:",
        "http://",
        "http:///x",
        "http:a.example",
        "http:/a.example/",
        "//a.example/",
        "ftp://a.example/",
        "file:///etc/passwd",
        "unix:///run/a.sock",
        "http+unix://%2Frun%2Fa.sock/",
        "http://user@a.example/",
        "http://user:secret@a.example/",
        "http://@a.example/",
        "http://a.example/#part",
        "http://a.example#@b.example/",
        "http://a.example\\@b.example/",
        "http://a.example/\\b",
        " http://a.example/",
        "http://a.example/ ",
        "http://a.example/a b",
        "http://a.example/\t",
        "http://a.example\n",
        "http://a.example/\x7f",
        "http://a.example/\0",
        "http://ä.example/",
        "http://a.example/ä",
        "http://\u212aelvin.example/",  # the Kelvin sign, a k in lower case
        "http://a\u3002example/",  # a full-width dot
        "http://a.example./",
        "http://.a.example/",
        "http://a..example/",
        "http://-a.example/",
        "http://a-.example/",
        "http://a%2eexample/",
        "http://a.example:/",
        "http://a.example:0/",
        "http://a.example:080/",
        "http://a.example:65536/",
        "http://a.example:1:2/",
        "http://127.1/",
        "http://127.0.0.01/",
        "http://127.0.0.1./",
        "http://1.2.3.4.5/",
        "http://256.0.0.1/",
        "http://0/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0x7f000001/",
        "http://a.0x7f/",
        "http://[::1/",
        "http://::1/",
        "http://[0::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[fe80::1%25eth0]/",
        "http://[127.0.0.1]/",
        "http://[v1.a]/",
        f"http://{'a' * 64}.example/",
        f"http://{'.'.join(['a' * 49] * 6)}/",
        "http://a.example/" + "a" * 2032,
    ],
)
def test_what_readers_disagree_about_is_no_url(text: str) -> None:
    with pytest.raises(UnreadableUrl):
        read_url(text)


def test_the_longest() -> None:
    assert len(read_url("http://a.example/" + "a" * 2031).path) == 2032
    assert is_name(".".join(["a" * 62] * 4))


def test_names_and_addresses() -> None:
    assert [is_name(host) for host in ("a", "1a.b1", "a.1b", "10.0.0.1", "[::1]")] == [
        *(True, True, False, False, False),
    ]
    assert [is_literal(host) for host in ("10.0.0.1", "[::1]", "::1", "a", "1", "[]")] == [
        *(True, True, False, False, False, False),
    ]


ODD = "@:/\\?#[]%.-_~!$&'()*+,;=|^`{}<>\" \t\r\n\0aA0x1\u3002\u212aß"
PIECES = st.one_of(
    st.sampled_from(
        [
            *(
                "http://",
                "HTTPS://",
                "http:/",
                "//",
                "ftp://",
                "user@",
                "user:x@",
                "@",
                "a.example",
            ),
            *("127.0.0.1", "127.1", "[::1]", "[::ffff:1.2.3.4]", "[fe80::1%25e]", "0x7f.1", "a_b"),
            *(":80", ":443", ":8080", ":", ":0", ":99999", "/", "/a/../b", "?", "?a=b", "#", "%2f"),
        ]
    ),
    st.text(ODD, max_size=4),
)
TEXTS = st.one_of(
    st.lists(PIECES, max_size=8).map("".join),
    st.lists(PIECES, max_size=5).map(lambda pieces: "http://a.example" + "".join(pieces)),
    st.from_regex(r"https?://[a-z0-9._\[\]:-]{1,20}(:[0-9]{1,5})?(/[!-~]{0,20})?", fullmatch=True),
)


@settings(max_examples=300)
@given(TEXTS)
@example("http://a.example:80@127.0.0.1/")
@example("http://a.example/@b.example")
@example("http://a.example?@b.example")
@example("http://a.example//b.example:1/")
def test_every_reader_finds_the_same_server(text: str) -> None:
    try:
        origin = read_url(text).origin
    except UnreadableUrl:
        event("no URL")
        return
    event("a URL")
    host = origin.host.strip("[]")
    split, yarl, other = urlsplit(text), URL(text), httpx.URL(text)
    default = {"http": 80, "https": 443}[origin.scheme]
    assert (split.scheme, split.hostname, split.port or default) == (
        *(origin.scheme, host, origin.port),
    )
    assert (yarl.scheme, yarl.raw_host, yarl.port) == (origin.scheme, host, origin.port)
    assert other.raw_host.decode() == host
    assert (other.scheme, other.port or default) == (origin.scheme, origin.port)


LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,5}[a-z0-9])?", fullmatch=True)


@given(st.lists(LABELS, max_size=3), st.integers(1, 65535), st.text("abc%/?=&[];", max_size=9))
def test_a_plain_url_is_read(labels: list[str], port: int, rest: str) -> None:
    host = ".".join([*labels, "example"])
    url = read_url(f"https://{host}:{port}/{rest}")
    assert url.origin == Origin("https", host, port)
    path, _, query = f"/{rest}".partition("?")
    assert (url.path, url.query) == (path, query)
