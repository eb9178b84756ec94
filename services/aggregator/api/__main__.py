"""Runs the realization api: figures, their history and stream, and the web pages.

Run: python -m services.aggregator.api
"""

from services.aggregator.api.app import create_app
from services.aggregator.api.settings import RealizationSettings
from services.kit.http.server import serve

if __name__ == "__main__":
    serve("realization", RealizationSettings, create_app, lambda settings: settings.aggregator_port)
