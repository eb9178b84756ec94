"""The settings of processes that are several in one: the site, and all of an installation on this machine."""

from services.aggregator.api.settings import RealizationSettings
from services.aggregator.worker.settings import WorkerSettings
from services.evaluations.settings import EvaluationsSettings
from services.kit.settings import Port
from services.programs.settings import ProgramsSettings


class SiteSettings(ProgramsSettings, EvaluationsSettings, RealizationSettings):
    """The settings of the three apps in one process."""

    port: Port = 8000


class InstallationSettings(SiteSettings, WorkerSettings):  # type: ignore[misc]  # their constructors differ
    """Every setting of every process: `make run` checks them before it starts anything."""
