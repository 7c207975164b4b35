"""Kinds of files by their names: what is never accepted, what nobody here opens."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

_CODE = "is code, and no code of a checkpoint is run"
_PICKLE = "is a pickle, which runs code when it is read"
_KERAS = "may hold code of Keras layers"
_ARCHIVE = "is an archive, whose content cannot be checked"

REFUSED: Mapping[str, str] = {
    **dict.fromkeys((".py", ".pyc", ".pyo", ".pyd", ".so", ".dll", ".dylib"), _CODE),
    **dict.fromkeys((".bin", ".pt", ".pth", ".ckpt", ".pt2", ".distcp"), _PICKLE),
    **dict.fromkeys((".pkl", ".pickle", ".joblib", ".dill"), _PICKLE),
    **dict.fromkeys((".npy", ".npz"), _PICKLE),  # with objects in them, which their name hides
    **dict.fromkeys((".h5", ".hdf5", ".keras"), _KERAS),
    **dict.fromkeys((".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".7z"), _ARCHIVE),
    **dict.fromkeys((".rar", ".whl", ".egg", ".mar", ".nemo"), _ARCHIVE),
}
"""What is refused wherever it lies, by its suffix, with the reason."""

_IDLE = frozenset(
    {
        *(".md", ".rst", ".pdf", ".gitattributes", ".gitignore", ".lock", ".metadata"),
        *(".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg"),
        # Weights that other libraries read: no code in them, and no reader of them here.
        *(".onnx", ".msgpack", ".gguf", ".ot", ".tflite", ".mlmodel", ".mlpackage"),
    }
)
_IDLE_NAMES = frozenset({"LICENSE", "LICENSE.txt", "NOTICE", "USE_POLICY"})

# Where there are no safetensors: read as tensors only, by an unpickler that knows no code.
_TENSORS = "pytorch_model*.bin"


def reason_against(path: PurePosixPath, *, safer: bool) -> str | None:
    """Why a file is never accepted; None if it may be there. `safer`: safetensors lie beside it."""
    if fnmatchcase(path.name, _TENSORS):
        return "is a pickle beside safetensors, which are read in its place" if safer else None
    return REFUSED.get(path.suffix.lower())


def is_safe(path: PurePosixPath) -> bool:
    """Whether these are weights in the format that holds nothing else."""
    return path.suffix.lower() == ".safetensors"


def is_idle(path: PurePosixPath) -> bool:
    """Whether no loader opens a file of that name."""
    suffix = path.suffix.lower() or path.name.lower()  # of .gitattributes, the name is all
    return suffix in _IDLE or path.name in _IDLE_NAMES
