"""What a line of a file of keys may say."""

from __future__ import annotations

from hashlib import sha256

import pytest

from chorus_http.access.callers import Caller, Scope
from chorus_http.access.key_lines import KeysError, parse

DIGEST = sha256(b"a key").hexdigest()


def test_a_line_says_who_what_for_and_how_much() -> None:
    text = f"""
        # the web shop
        shop:{DIGEST}
        cron.1:{DIGEST.upper()} scope=metrics  # for Prometheus
        ops:{DIGEST} rate=100/minute concurrency=8 scope=admin
    """
    digest = bytes.fromhex(DIGEST)
    assert list(parse(text)) == [
        (digest, Caller("shop", frozenset({Scope.INFER}))),
        (digest, Caller("cron.1", frozenset({Scope.METRICS}))),
        (digest, Caller("ops", frozenset(Scope), "100/minute", 8)),
    ]
    assert list(parse("\n# nobody\n\n")) == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("a-raw-key-by-mistake", "name:SHA256"),
        (f"two words:{DIGEST}", "name:SHA256"),
        (f"shop:{DIGEST[:-1]}", "name:SHA256"),
        (f"ü:{DIGEST}", "name:SHA256"),
        (f"{'a' * 65}:{DIGEST}", "name:SHA256"),
        (f"shop:{DIGEST} admin", "scope, rate, concurrency"),
        (f"shop:{DIGEST} limit=9", "scope, rate, concurrency"),
        (f"shop:{DIGEST} scope=infer scope=admin", "once"),
        (f"shop:{DIGEST} scope=root", "infer, metrics, admin"),
        (f"shop:{DIGEST} scope=", "infer, metrics, admin"),
        (f"shop:{DIGEST} rate=9", "100/second"),
        (f"shop:{DIGEST} concurrency=0", "above 0"),
        (f"shop:{DIGEST} concurrency=-1", "above 0"),
    ],
)
def test_a_wrong_line_is_named_and_not_quoted(line: str, says: str) -> None:
    with pytest.raises(KeysError, match=says) as caught:
        list(parse(f"# comment\n{line}"))
    told = str(caught.value)
    assert told.startswith("line 2: ")
    assert "mistake" not in told
    assert DIGEST[:16] not in told
    assert "\n" not in told
