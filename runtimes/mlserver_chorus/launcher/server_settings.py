"""MLServer's settings with our defaults, and where they are read from."""

from __future__ import annotations

from mlserver.settings import Settings
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

GRPC_BYTES = 16 << 20  # gRPC's own 4 MiB are less than the bodies that REST takes


class ServerSettings(Settings):
    """MLServer's settings: the environment first, then what is given, then our defaults.

    MLServer lets a file win over MLSERVER_… variables. A platform that starts a container sets
    those, and expects them to hold for a folder with any settings.json, or without one.
    """

    server_name: str = "chorus"
    gzip_enabled: bool = False  # compressed streams would wait for their end
    grpc_max_message_length: int | None = GRPC_BYTES

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The order in which they are asked."""
        return env_settings, init_settings, dotenv_settings
