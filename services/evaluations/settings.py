"""The settings of evaluations."""

from services.kit.settings import Port, ServiceSettings


class EvaluationsSettings(ServiceSettings):
    """What evaluations reads of the environment."""

    evaluations_port: Port = 8002
