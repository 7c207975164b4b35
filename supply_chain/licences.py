"""Under which licence a package says it is."""

from __future__ import annotations

from importlib.metadata import Distribution

# What packages write where they could write an SPDX name.
_SPDX = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache": "Apache-2.0",
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache 2.0 License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD 2-Clause License": "BSD-2-Clause",
    "BSD 3-Clause License": "BSD-3-Clause",
    "ISC License": "ISC",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT license": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "PSFL": "PSF-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
# These say it in a file alone; each was read.
_IN_A_FILE = {"py-grpc-prometheus": "Apache-2.0", "sentencepiece": "Apache-2.0"}
_LONGEST_NAME = 60
_NO_LICENCES = frozenset({"DFSG approved", "OSI Approved"})


def declared(distribution: Distribution) -> str:
    """As an SPDX expression where that can be told, else in the package's words; "" for none."""
    expression = _field(distribution, "License-Expression")
    return expression or _words(distribution) or _IN_A_FILE.get(distribution.name, "")


def _field(distribution: Distribution, name: str) -> str:
    return distribution.metadata[name].strip() if name in distribution.metadata else ""


def _words(distribution: Distribution) -> str:
    """The field for a licence where it holds a name, else the classifiers."""
    field = _field(distribution, "License")
    if field and field != "UNKNOWN" and len(field) <= _LONGEST_NAME and "\n" not in field:
        return _SPDX.get(field, field)
    classifiers = distribution.metadata.get_all("Classifier") or ()
    names = [line.rpartition(" :: ")[2] for line in classifiers if line.startswith("License ::")]
    return " AND ".join(_SPDX.get(name, name) for name in names if name not in _NO_LICENCES)
