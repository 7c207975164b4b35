"""What the engine may answer instead of a result.

EngineError
├── LoadError         the weights are missing, broken, or not a sequence classifier
├── UnknownModel      no model of that name is loaded
├── Overloaded        too much is waiting already
├── QueueTimeout      the text waited longer than its model allows
├── DeadlineExceeded  the caller's own deadline has passed
├── DeviceHung        the device did not come back from this text's batch
├── DeviceLost        the device answers nobody at present
├── InferenceFailed   the model failed on this text, alone in its batch
└── EngineClosed      the engine is shutting down

Messages are for callers: they name models, never texts, paths or exceptions of other libraries.
"""


class EngineError(Exception):
    """Base of everything that the engine raises on purpose."""


class LoadError(EngineError):
    """The weights of a model are missing, broken, or not a sequence classifier."""


class UnknownModel(EngineError):
    """No model of that name is loaded."""


class Overloaded(EngineError):
    """More texts are waiting than the engine accepts."""


class QueueTimeout(EngineError):
    """The text waited longer for the device than its model allows."""


class DeadlineExceeded(EngineError):
    """The caller's own deadline has passed, in the queue or on the device."""


class DeviceHung(EngineError):
    """The device did not come back from this text's batch in time."""


class DeviceLost(EngineError):
    """The device has failed, hangs, or has nobody left to work it: it answers nobody."""


class InferenceFailed(EngineError):
    """The model failed on this text, alone in its batch."""


class EngineClosed(EngineError):
    """The engine is shutting down."""
