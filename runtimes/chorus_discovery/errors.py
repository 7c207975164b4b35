"""What can keep a process from following a cluster, each in one line for its operator.

DiscoveryError
├── NotInCluster         neither a service account here nor, where asked for, a kubeconfig
├── KubernetesMissing    the package `kubernetes` is not installed
├── KubeconfigUnusable   there is one that says no cluster
└── ApiServerError       the API server gives no list or no watch
    ├── Unreachable      no answer, or half of one
    ├── Denied           401 and 403
    └── Gone             410: the resourceVersion is too old, list again
"""


class DiscoveryError(Exception):
    """Why a cluster cannot be followed; its text is one line, without a token or a path."""


class NotInCluster(DiscoveryError):
    """There is no cluster that this process belongs to."""


class KubernetesMissing(DiscoveryError):
    """The optional package is not installed."""


class KubeconfigUnusable(DiscoveryError):
    """There is a kubeconfig that cannot be used."""


class ApiServerError(DiscoveryError):
    """The API server does not do what it was asked for."""


class Unreachable(ApiServerError):
    """No answer from the API server, or one that breaks off."""


class Denied(ApiServerError):
    """The account is unknown, or lacks a permission; the text names it."""


class Gone(ApiServerError):
    """What was to be gone on from is not remembered any more."""
