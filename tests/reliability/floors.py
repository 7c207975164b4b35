"""Package by package, the oldest version without a published hole in what a model server meets.

`unconfirmed` are ids whose advisory was not read in a database, only its text elsewhere; the floor
holds them too. The rest of what is published is `make audit`'s.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Floor:
    """One package; ids of what was wrong below its lowest version, and what that was."""

    package: str
    lowest: str
    ids: tuple[str, ...]
    what: str
    unconfirmed: tuple[str, ...] = ()


FLOORS = (
    Floor(
        "starlette",
        "1.3.1",
        ("CVE-2025-54121", "CVE-2025-62727"),
        "forms block the loop; Range in quadratic time; Host changes the path; form limits ignored",
        ("CVE-2026-48710", "CVE-2026-48817", "CVE-2026-54282", "CVE-2026-54283"),
    ),
    Floor("h11", "0.16.0", ("CVE-2025-43859",), "a lenient chunk ends a request elsewhere"),
    Floor(
        "aiohttp",
        "3.13.4",
        ("CVE-2024-23334", "CVE-2025-53643"),
        "paths outside of a static folder; request smuggling; parsers without limits",
        ("CVE-2025-69223", "CVE-2025-69229", "CVE-2026-22815"),
    ),
    Floor(
        "orjson",
        "3.11.6",
        ("CVE-2024-27454",),
        "nesting without a limit, read and written",
        ("CVE-2025-67221",),
    ),
    Floor(
        "pillow",
        "12.3.0",
        ("CVE-2023-50447", "CVE-2025-48379"),
        "code in ImageMath; writes past a buffer; decompression bombs",
        ("CVE-2026-40192", "CVE-2026-55379", "CVE-2026-55380"),
    ),
    Floor(
        "transformers",
        "5.3.0",
        ("CVE-2024-11392", "CVE-2024-11393", "CVE-2024-11394"),
        "code of a checkpoint is run while it is loaded",
        ("CVE-2025-14924", "CVE-2026-4372", "CVE-2026-5241"),
    ),
    Floor(
        "torch",
        "2.10.0",
        ("CVE-2025-32434",),
        "weights_only runs code of a pickle",
        ("CVE-2026-24747",),
    ),
    Floor("sentencepiece", "0.2.1", (), "a crafted model writes past a buffer", ("CVE-2026-1260",)),
    Floor("jinja2", "3.1.6", ("CVE-2025-27516",), "a chat template leaves the sandbox"),
    Floor(
        "protobuf",
        "6.33.5",
        ("CVE-2025-4565",),
        "nested messages end the process",
        ("CVE-2026-0994",),
    ),
    Floor("grpcio", "1.66.2", ("CVE-2024-11407",), "bytes of one answer change in another"),
    Floor("gevent", "23.9.0", ("CVE-2023-41419",), "a crafted request raises privileges"),
    Floor(
        "urllib3",
        "2.6.3",
        ("CVE-2025-50181", "CVE-2025-66418", "CVE-2025-66471"),
        "redirects not to be followed; compressed answers without a limit",
        ("CVE-2026-21441",),
    ),
    Floor("brotli", "1.2.0", ("CVE-2025-6176",), "a bomb unpacks without a limit"),
    Floor("idna", "3.7", ("CVE-2024-3651",), "a name in quadratic time"),
    Floor("certifi", "2024.7.4", ("CVE-2024-39689",), "roots that nobody trusts any more"),
    Floor(
        "filelock", "3.20.3", ("CVE-2025-68146",), "a link in place of a lock", ("CVE-2026-22701",)
    ),
    Floor("pyyaml", "5.4", ("CVE-2020-14343",), "code in a document"),
    Floor("pydantic", "2.4.0", ("CVE-2024-3772",), "an address of e-mail in quadratic time"),
    Floor("tqdm", "4.66.3", ("CVE-2024-34062",), "code in an argument of its program"),
    Floor(
        "python-multipart",
        "0.0.22",
        ("CVE-2024-24762", "CVE-2024-53981"),
        "a header in exponential time; a line of log per byte; a file's name leaves its folder",
        ("CVE-2026-24486",),
    ),
    Floor("setuptools", "78.1.1", ("CVE-2025-47273",), "a package's name leaves its folder"),
)

FORBIDDEN = {
    "python-multipart": "the servers refuse forms with 415; only the web page reads them",
    "tensorflow": "mlserver-huggingface asks for it; nothing uses it",
}
"""Never pinned for a server, whatever others ask for."""
