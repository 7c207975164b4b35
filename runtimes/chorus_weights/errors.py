"""What can be wrong with weights, each in one line that says what to do next.

WeightsError
├── SourceError        a setting names no folder and no repository
├── LockError          models.lock cannot be read, or does not fit what is asked for
├── HubError           the hub cannot be reached, refuses, or serves other bytes
├── RegistryError      MLflow cannot be reached, refuses, or has no such model
└── CheckpointRefused  files that are not to be parsed: changed, or with code in them
"""


class WeightsError(Exception):
    """Weights that cannot be had; its text is one line, without a key."""


class SourceError(WeightsError):
    """A setting that names no folder and no repository."""


class LockError(WeightsError):
    """A lock that cannot be read, or that does not fit what is asked for."""


class HubError(WeightsError):
    """What the hub does not give."""


class Unreachable(HubError):
    """No hub to ask: no network, or it is switched off."""


class RegistryError(WeightsError):
    """What MLflow does not give."""


class RegistryUnreachable(RegistryError):
    """No MLflow server to ask, or none that answers."""


class CheckpointRefused(WeightsError):
    """Files that are not to be parsed; names the first, by its path in the checkpoint."""
