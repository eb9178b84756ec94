"""Runs evaluations: field visits.

Run: python -m services.evaluations
"""

from services.evaluations.app import create_app
from services.evaluations.settings import EvaluationsSettings
from services.kit.http.server import serve

if __name__ == "__main__":
    serve("evaluations", EvaluationsSettings, create_app, lambda settings: settings.evaluations_port)
