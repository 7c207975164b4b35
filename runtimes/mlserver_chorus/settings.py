"""Settings of the plugin: the process's from the environment, a model's from its JSON file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from mlserver.settings import ModelSettings
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from chorus_http.access.rates import checked_rate
from chorus_http.logs.setup import Format, Level, as_level
from chorus_weights.registry.local import SECONDS, Registry, of_process

from .engine.errors import LoadError

# What `max_batch_size` and `max_batch_time` mean when a model's file leaves them out (MLServer's
# default 0 says "no batching", which is not on offer: rows in one batch, seconds in the queue).
DEFAULT_MAX_ROWS = 256
DEFAULT_MAX_WAIT = 30.0


class RuntimeSettings(BaseSettings):
    """What holds for the whole process, read from CHORUS_… variables."""

    model_config = SettingsConfigDict(env_prefix="CHORUS_", frozen=True)

    weights: str = "standin"
    """`standin`, `hub`, or a folder with one checkpoint folder per model name."""
    models_lock: Path | None = None
    """The pins of weights from the hub; by default models.lock beside the models."""
    mlflow_cache: Path | None = None
    """Where models of MLflow lie on this machine; by default in the user's cache."""
    mlflow_timeout: int = Field(SECONDS, ge=1)
    """Seconds for a model of MLflow to come in."""
    device: str = "auto"
    """`cpu`, `cuda`, `cuda:1`, or `auto`: the GPU if there is one."""
    max_batch_tokens: int | None = Field(None, ge=1)
    """Most tokens of a batch; by default measured when the models are loaded."""
    max_texts: int = Field(4096, ge=1)
    """Most texts in one request."""
    max_waiting_texts: int = Field(256, ge=1)
    """Texts that may always wait for the device; beyond them, what it does in a moment."""
    max_waiting_seconds: float = Field(1.0, gt=0)
    """That moment: how long the device would work on all that waits."""
    max_waiting_tokens: int = Field(1 << 20, ge=1)
    """Tokens of all texts that wait."""
    max_timeout: float = Field(120.0, gt=0)
    """Most seconds a caller may ask us to try for; a longer time is cut to it."""
    watchdog: float = Field(10.0, gt=0)
    """Seconds after which a forward pass that has not come back is taken for hung."""
    drain_delay: float = Field(0.5, ge=0)
    """Seconds for which a stopping server goes on answering, telling its callers to close."""
    drain_timeout: float = Field(30.0, gt=0)
    """Seconds that a stopping server gives what is in flight, before it answers 503."""
    max_request_bytes: int = Field(8 << 20, ge=1)
    """Longest body of a request, counted after decompression."""
    max_media_request_bytes: int = Field(48 << 20, ge=1)
    """The same for a pipeline: the 32 MiB that the gateway takes are more in V2's own form."""
    max_json_depth: int = Field(100, ge=1)
    """Deepest nesting of a body."""
    max_head_bytes: int = Field(16384, ge=1024)
    """Longest head of a request: its line and all headers."""
    head_timeout: float = Field(10.0, gt=0)
    """Seconds for the head of a request to arrive, from its first byte."""
    body_timeout: float = Field(30.0, gt=0)
    """Seconds for the body of a request to arrive, and for its answer to be taken."""
    max_text_chars: int = Field(1_000_000, ge=1)
    """Longest text; far beyond any model's limit, but short enough to tokenise in a moment."""
    max_new_tokens: int = Field(2048, ge=1)
    """Most tokens that one request may have generated per sequence."""
    max_image_pixels: int = Field(100_000_000, ge=1)
    """Pixels of all images of one request; 300 MB when decoded."""
    max_audio_seconds: float = Field(1800.0, gt=0)
    """Seconds of all recordings of one request."""
    max_decoded_bytes: int = Field(3 << 30, ge=1)
    """Memory of all images and recordings, of all requests, as they are decoded."""
    api_keys: SecretStr = SecretStr("")
    """Keys that may ask the models, comma-separated; with any key set, nobody calls without one."""
    admin_keys: SecretStr = SecretStr("")
    """Keys that may do everything, comma-separated."""
    api_keys_file: Path | None = None
    """A file of digests of keys, as `chorus keys` writes it; read again when it changes."""
    upstream_key: SecretStr = SecretStr("")
    """The gateway's key; it has no limits."""
    rate_limit: Annotated[str, AfterValidator(checked_rate)] | None = None
    """Requests of one key, as 100/second, where the file says nothing else; with keys alone."""
    max_concurrency: int | None = Field(None, ge=1)
    """Requests of one key at one time, where the file says nothing else; with keys alone."""
    log_format: Format = "text"
    """`text`, or `json`: an object per line."""
    log_level: Annotated[Level, BeforeValidator(as_level)] = "INFO"
    """Of our own loggers; of all others only warnings are heard."""
    access_log: bool = False
    """A line for every request, which costs each of them."""
    repository_api: Literal["auto", "open", "off"] = "auto"
    """Loads and unloads on request: `auto` asks for an admin key, or for a server that listens to
    its own machine alone."""

    @property
    def registry(self) -> Registry:
        """Where models of MLflow come from."""
        return of_process(self.mlflow_cache, self.mlflow_timeout)


# What may be said to `from_pretrained`: nothing that reads other files, fetches, or runs code.
MODEL_KWARGS = frozenset(
    {
        *("dtype", "torch_dtype", "attn_implementation", "quantization_config", "variant"),
        *("device_map", "max_memory", "offload_folder", "offload_buffers", "use_safetensors"),
        *("low_cpu_mem_usage", "offload_state_dict"),  # for stock settings; nobody reads them
    }
)


class _Extra(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ClassifierExtra(_Extra):
    """`parameters.extra` of a Classifier."""

    standin: str | None = None
    """Folder of small weights to use in place of `uri`, relative to the settings file."""


class Member(_Extra):
    """How an ensemble shows one of its models."""

    labels: dict[str, str] = Field(default_factory=dict)
    """The ensemble's own names for labels of the model; others stay as they are."""


class EnsembleExtra(_Extra):
    """`parameters.extra` of an Ensemble."""

    members: dict[str, Member] = Field(min_length=1)
    """Names of the member models, in the order of the answer."""


class PipelineExtra(BaseSettings):
    """`parameters.extra` of a Pipeline: the names that mlserver-huggingface knows, and ours.

    What the file leaves out may come from MLSERVER_MODEL_HUGGINGFACE_… variables, as it may there.
    """

    model_config = SettingsConfigDict(
        env_prefix="MLSERVER_MODEL_HUGGINGFACE_",
        extra="forbid",
        frozen=True,
        protected_namespaces=(),
    )

    task: str
    """The name of a task in `pipelines/tasks.py`, or an alias of one."""
    task_suffix: str = ""
    """`_en_to_fr` with the task `translation`: the languages it starts from."""
    pretrained_model: str | None = None
    """A repository on the hub or a folder, in place of `uri`."""
    pretrained_tokenizer: str | None = None
    """A repository on the hub or a folder with the tokenizer, where the weights have none."""
    pretrained_vocoder: str | None = None
    """A repository or a folder with what makes sound of a spectrogram: SpeechT5 has none itself."""
    model_kwargs: dict[str, Any] = Field(default_factory=dict)
    """For `from_pretrained`; `dtype` is float32 unless it says otherwise."""
    inference_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Options that hold where a request does not set them."""
    framework: str | None = None
    """`pt` or nothing; PyTorch is the only one."""
    optimum_model: bool = False
    """Ignored with a warning: the same answers come from PyTorch."""
    device: int | str | None = None
    """-1, a GPU's number, or a name as in CHORUS_DEVICE, which is the default."""
    intra_op_threads: int | None = Field(None, ge=1)
    """CPU threads of one operation of this model."""
    inter_op_threads: int | None = Field(None, ge=1)
    """Ignored with a warning: a pipeline runs one operation after another."""
    standin: str | None = None
    """Folder of small weights to use in place of the others, relative to the settings file."""

    @field_validator("framework")
    @classmethod
    def _only_torch(cls, framework: str | None) -> str | None:
        if framework not in (None, "pt"):
            raise ValueError("only pt (PyTorch) is supported; leave it out")
        return framework

    @field_validator("model_kwargs")
    @classmethod
    def _no_foreign_code(cls, kwargs: dict[str, Any]) -> dict[str, Any]:
        if "trust_remote_code" in kwargs:
            raise ValueError("trust_remote_code is never accepted: no code of a checkpoint is run")
        if unknown := sorted(set(kwargs) - MODEL_KWARGS):
            raise ValueError(
                f"{unknown[0]} is not accepted; what is: {', '.join(sorted(MODEL_KWARGS))}"
            )
        if "/" in str(kwargs.get("attn_implementation")):
            raise ValueError("attn_implementation names code of the hub, which is never run")
        return kwargs


Extra = TypeVar("Extra", bound=BaseModel)


def parse_extra(kind: type[Extra], settings: ModelSettings) -> Extra:
    """The typed `parameters.extra`; LoadError names the model and the field that is wrong."""
    values = (settings.parameters.extra if settings.parameters else None) or {}
    try:
        return kind(**values)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in ("parameters.extra", *first["loc"]))
        raise LoadError(f"model {settings.name}: {field}: {first['msg']}") from None
