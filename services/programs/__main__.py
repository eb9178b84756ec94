"""Runs programs: masterplans, departments, keys, intake.

Run: python -m services.programs
"""

from services.kit.http.server import serve
from services.programs.app import create_app
from services.programs.settings import ProgramsSettings

if __name__ == "__main__":
    serve("programs", ProgramsSettings, create_app, lambda settings: settings.programs_port, http="httptools")
