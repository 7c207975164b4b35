"""Write the bill of materials, CycloneDX 1.6 as JSON, of what is installed: `make sbom`.

`dist/runtime.cdx.json` is of all that serves, `dist/all.cdx.json` of that and the web page,
`dist/gateway.cdx.json` of the gateway alone. Made with CycloneDX's library, because its program
knows the licences of an environment or the hashes of a requirements file, never both. The same
environment gives the same bytes: no time, no serial number.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import Distribution

from cyclonedx.contrib.hash.factories import HashTypeFactory
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.dependency import Dependency
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from supply_chain import licences, pins, project
from supply_chain.installed import NotInstalled, alone, closure, needs

FOLDER = pins.ROOT / "dist"


def main() -> None:
    """Write all three; ends with one line where the environment lacks something."""
    FOLDER.mkdir(exist_ok=True)
    try:
        for name, bill in (("runtime", runtime()), ("all", everything()), ("gateway", gateway())):
            (FOLDER / f"{name}.cdx.json").write_text(bill)
    except NotInstalled as error:
        sys.exit(f"sbom: {error}; run `make install`")


def runtime() -> str:
    """The bill of everything that serves, as JSON; what the image chorus-runtime holds."""
    asked = _serving()
    return _document(asked, closure(asked))


def everything() -> str:
    """The bill of what serves and of the web page, as JSON; what the image chorus holds.

    Of what only the page asks for it has the pins.
    """
    asked, page = _serving(), [pin.requirement for pin in pins.read(pins.UI) if pin.applies]
    pinned = alone(page)
    return _document([*asked, *project.required(project.UI)], closure(asked) | pinned)


def gateway() -> str:
    """The bill of the gateway alone, as JSON; what the image chorus-gateway holds.

    Of MLServer it has the codecs, without what the server asks for.
    """
    asked, codecs = project.required(*project.GATEWAY), project.group("mlserver")
    return _document([*asked, *codecs], closure(asked) | alone(codecs))


def _serving() -> list[Requirement]:
    return [*project.required(*project.SERVING, project.MLFLOW), *project.group("mlserver")]


def _document(asked: Sequence[Requirement], packages: dict[str, Distribution]) -> str:
    hashes = {pin.name: pin.hashes for file in pins.HASHED for pin in pins.read(file)}
    components = {
        name: _component(name, package, hashes.get(name, ())) for name, package in packages.items()
    }
    chorus = Component(
        name="chorus-serve",
        version=project.version(),
        type=ComponentType.APPLICATION,
        bom_ref="chorus-serve",
        licenses=[LicenseFactory().make_from_string("Apache-2.0")],
    )
    arrows = {name: needs(package) for name, package in packages.items()}
    dependencies = [_dependency(components[name], arrows[name], components) for name in arrows]
    bom = Bom(
        components=components.values(),
        dependencies=[_dependency(chorus, asked, components), *dependencies],
    )
    bom.metadata.component = chorus
    bom.serial_number = None  # type: ignore[assignment]  # neither is required, and
    bom.metadata.timestamp = None  # type: ignore[assignment]  # both differ each time
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _component(name: str, package: Distribution, hashes: Iterable[str]) -> Component:
    """One package; pip verified one of the hashes, that of the file for this platform."""
    purl = PackageURL("pypi", name=name, version=package.version)
    files = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(purl.to_string()),
        hashes=[HashTypeFactory().from_composite_str(f"sha256:{value}") for value in hashes],
    )
    licence = licences.declared(package)
    return Component(
        name=name,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=purl.to_string(),
        purl=purl,
        licenses=[LicenseFactory().make_from_string(licence)] if licence else [],
        external_references=[files],
    )


def _dependency(
    asker: Component, asked: Iterable[Requirement], components: dict[str, Component]
) -> Dependency:
    names = {canonicalize_name(requirement.name) for requirement in asked}
    refs = [components[name].bom_ref for name in names & components.keys()]
    return Dependency(asker.bom_ref, [Dependency(ref) for ref in refs])


if __name__ == "__main__":
    main()
