"""What must hold of every variant. A rule yields a line for each thing that is wrong."""

from collections.abc import Callable, Iterator

from tests.k8s.manifests import Manifests

Rule = Callable[[Manifests], Iterator[str]]
