"""Valid HTTP/1.1 requests, and everything that can be wrong with one on the wire.

A mutation is a row of `MUTATIONS`: it takes a request and says what is sent, in how many pieces,
and what may come back. All chance comes from the `Random` that it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

from tests.reliability.http1 import Header, Request, chunks, pieces


@dataclass(frozen=True)
class Case:
    """What is sent, and what may come back."""

    parts: Sequence[bytes]
    right: int = 0
    """So many answers of 200 have to come."""
    most: int | None = None
    """More answers than this, and a request was found inside another."""
    name: str = ""


Mutation = Callable[[Random, Request], Case]


def case_of(random: Random, requests: Sequence[Request]) -> Case:
    """Draw a request and what is done to it."""
    name = random.choice(list(MUTATIONS))
    return replace(MUTATIONS[name](random, random.choice(requests)), name=name)


# ----------------------------------------------------------------------- what is still valid


def _untouched(random: Random, request: Request) -> Case:
    return Case([bytes(request.framed)], right=1, most=1)


def _split(random: Random, request: Request) -> Case:
    return Case(pieces(random, bytes(request.framed)), right=1, most=1)


def _byte_by_byte(random: Random, request: Request) -> Case:
    data = bytes(request.framed)
    return Case([data[i : i + 1] for i in range(len(data))], right=1, most=1)


def _pipelined(random: Random, request: Request) -> Case:
    count = random.randint(2, 5)
    return Case(pieces(random, bytes(request.framed) * count), right=count, most=count)


def _chunked(random: Random, request: Request) -> Case:
    data = chunks(pieces(random, request.body))
    chunked = request.adding((b"Transfer-Encoding", b"chunked"))
    return Case(pieces(random, chunked.head + data), right=1, most=1)


def _absolute_form(random: Random, request: Request) -> Case:
    absolute = replace(request.framed, target=b"http://localhost" + request.target)
    return Case([bytes(absolute)], most=1)


def _expecting(random: Random, request: Request) -> Case:
    expectation = random.choice([b"100-continue", b"100-Continue", b"the-unexpected"])
    framed = request.framed.adding((b"Expect", expectation))
    return Case([framed.head, framed.body], most=1)


# -------------------------------------------------------------------------- broken anywhere


def _flipped_bits(random: Random, request: Request) -> Case:
    data = bytearray(bytes(request.framed))
    for _ in range(random.randint(1, 8)):
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return Case([bytes(data)])


def _cut(random: Random, request: Request) -> Case:
    data = bytes(request.framed)
    return Case([data[: random.randrange(len(data))]], most=1)


def _inserted(random: Random, request: Request) -> Case:
    data = bytes(request.framed)
    at = random.randrange(len(data))
    return Case([data[:at] + _noise(random) + data[at:]])


def _removed(random: Random, request: Request) -> Case:
    data = bytes(request.framed)
    at, length = random.randrange(len(data)), random.randint(1, 20)
    return Case([data[:at] + data[at + length :]])


def _bytes_alone(random: Random, request: Request) -> Case:
    return Case([_noise(random, 2000)])


def _other_protocols(random: Random, request: Request) -> Case:
    spoken = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
        bytes.fromhex("16030100a5010000a10303") + _noise(random, 160),
        b"GET /\r\n",
        b"\r\n" * 100 + bytes(request.framed),
        b"EHLO localhost\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
    ]
    return Case([random.choice(spoken)])


# -------------------------------------------------------------------------- the request line


def _bad_version(random: Random, request: Request) -> Case:
    versions = [
        b"HTTP/0.9",
        b"HTTP/1.2",
        b"HTTP/2.0",
        b"HTTP/9.9",
        b"http/1.1",
        b"HTTP/1",
        b"HTCPCP/1.0",
    ]
    return Case([bytes(replace(request.framed, version=random.choice(versions)))])


def _bad_method(random: Random, request: Request) -> Case:
    methods = [
        b"post",
        b"BREW",
        b"TRACE",
        b"CONNECT",
        b"OPTIONS",
        b"HEAD",
        b"G" * 9000,
        b"",
        b"GE T",
        b"P\0ST",
    ]
    return Case([bytes(replace(request.framed, method=random.choice(methods)))])


def _bad_target(random: Random, request: Request) -> Case:
    path = request.target
    targets = [
        *(b"*", b"", b"localhost:80", b"/" * 50, b"/%00", b"/\0", b"/../../etc/passwd"),
        *(b"/" + path, path + b"/", path + b"?" + b"a=" * 9000, path + b"#fragment", b"\\" + path),
        *(path.replace(b"/", b"/%2e/"), path.replace(b"/", b"/%2f"), path + b"%zz", path + b"\xff"),
        *(b"/" + b"a" * 70_000, b"http://[::1", b"http://", path + b" HTTP/1.1 x"),
    ]
    return Case([bytes(replace(request.framed, target=random.choice(targets)))])


# -------------------------------------------------------------------------------- the headers


def _bad_header(random: Random, request: Request) -> Case:
    headers: list[Header] = [
        *((b"Na me", b"1"), (b"", b"1"), (b"X\0", b"1"), (b"X", b"a\0b"), (b"X", b"a\rb")),
        *((b"X ", b"1"), (b"X\n", b"1"), (b"X", b"a\n b"), (b"\xff\xfe", b"\xff\xfe")),
        *((b"X", b"a" * 100_000), (b"X" * 100_000, b"1"), (b"Host", b"localhost/v2?x")),
        *((b"Content-Encoding", b"gzip"), (b"Content-Encoding", b"br")),
        *((b"Upgrade", b"h2c"), (b"Upgrade", b"websocket"), (b"Connection", b"upgrade")),
        *((b"Content-Type", b"\0"), (b"Inference-Header-Content-Length", b"-1")),
        *((b"Range", b"bytes=0-,0-"), (b"Content-Type", b"multipart/form-data; boundary=x")),
    ]
    return Case([bytes(request.framed.adding(random.choice(headers)))])


def _many_headers(random: Random, request: Request) -> Case:
    count = random.choice([50, 500, 5000])
    return Case([bytes(request.framed.adding(*[(b"X-%d" % n, b"1") for n in range(count)]))])


def _repeated_header(random: Random, request: Request) -> Case:
    framed = request.framed
    again = [(name, random.choice([value, b"other"])) for name, value in framed.headers]
    return Case([bytes(framed.adding(random.choice(again)))])


def _other_line_ends(random: Random, request: Request) -> Case:
    framed = request.framed
    end = random.choice([b"\n", b"\r", b"\n\r", b"\r\r\n", b"\0\r\n", b"\r\n "])
    return Case([framed.head.replace(b"\r\n", end) + framed.body])


# ---------------------------------------------------------------------------------- the frame


def _length_and_chunks(random: Random, request: Request) -> Case:
    """Two ways to read it; whoever takes the other one finds a request inside."""
    hidden = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    coding = random.choice([b"chunked", b"Chunked", b"identity, chunked", b"chunked, identity"])
    body = random.choice([b"0\r\n\r\n" + hidden, chunks([request.body]) + hidden])
    length = random.choice([len(body), len(request.body), 0, 5])
    both = [(b"Content-Length", str(length).encode()), (b"Transfer-Encoding", coding)]
    random.shuffle(both)
    return Case([request.adding(*both).head + body], most=1)


def _two_lengths(random: Random, request: Request) -> Case:
    hidden = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    both = [b"0", str(len(request.body + hidden)).encode()]
    random.shuffle(both)
    doubled = request.adding(*((b"Content-Length", length) for length in both))
    return Case([doubled.head + request.body + hidden], most=1)


def _bad_length(random: Random, request: Request) -> Case:
    lengths = [b"-1", b"+5", b"0x10", b"1e3", b"", b" ", b"9" * 30, b"5, 5", b"5 5", b"\xd9\xa3"]
    lengths += [str(len(request.body) + random.randint(1, 99)).encode(), b"9999999"]
    header = (b"Content-Length", random.choice(lengths))
    return Case([request.adding(header).head + request.body], most=1)


def _bad_coding(random: Random, request: Request) -> Case:
    codings = [
        b"gzip",
        b"xchunked",
        b"chunked, chunked",
        b"chunked;q=1",
        b"\0chunked",
        b"chunked\x0b",
    ]
    header = (b"Transfer-Encoding", random.choice(codings))
    return Case([request.adding(header).head + chunks([request.body])])


def _bad_chunk(random: Random, request: Request) -> Case:
    size = b"%x" % len(request.body)
    bodies = [
        *(
            b"xyz\r\n",
            b"-1\r\na\r\n",
            b"f" * 17 + b"\r\na",
            b"+5\r\nabcde\r\n",
            b"0x5\r\nabcde\r\n",
        ),
        *(b"5\r\nabcdefgh\r\n", b"5\nabcde\n0\n\n", b"\r\n\r\n", b" 5\r\nabcde\r\n"),
        size + b";" + b"x" * 100_000 + b"\r\n" + request.body + b"\r\n0\r\n\r\n",
        size + b"\r\n" + request.body + b"\r\n0\r\n" + b"X-Trailer: 1\r\n" * 2000 + b"\r\n",
        size + b"\r\n" + request.body,
    ]
    chunked = request.adding((b"Transfer-Encoding", b"chunked"))
    return Case(pieces(random, chunked.head + random.choice(bodies)))


# --------------------------------------------------------------------------------------- parts


def _noise(random: Random, most: int = 40) -> bytes:
    return random.randbytes(random.randint(1, most))


MUTATIONS: dict[str, Mutation] = {
    mutation.__name__.lstrip("_"): mutation
    for mutation in (
        *(_untouched, _split, _byte_by_byte, _pipelined, _chunked, _absolute_form, _expecting),
        *(_flipped_bits, _cut, _inserted, _removed, _bytes_alone, _other_protocols),
        *(_bad_version, _bad_method, _bad_target),
        *(_bad_header, _many_headers, _repeated_header, _other_line_ends),
        *(_length_and_chunks, _two_lengths, _bad_length, _bad_coding, _bad_chunk),
    )
}
