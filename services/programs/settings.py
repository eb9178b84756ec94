"""The settings of programs."""

from services.kit.settings import Port, SecretSettings, ServiceSettings


class ProgramsSettings(ServiceSettings, SecretSettings):
    """What programs reads of the environment."""

    programs_port: Port = 8001
