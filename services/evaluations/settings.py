"""The settings of evaluations."""

from services.kit.settings import Port, ServiceSettings


class EvaluationsSettings(ServiceSettings):
    """The environment variables that evaluations reads."""

    evaluations_port: Port = 8002
