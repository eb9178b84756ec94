"""The settings of programs."""

from services.kit.settings import Port, SecretSettings, ServiceSettings


class ProgramsSettings(ServiceSettings, SecretSettings):
    """The environment variables that programs reads."""

    programs_port: Port = 8001
