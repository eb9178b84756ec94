"""The settings that Faust gets."""

from faust.transport.drivers.aiokafka import server_list
from prometheus_client import CollectorRegistry

from deploy.local.process_settings import InstallationSettings
from services.aggregator.worker.app import create_app


def test_the_worker_knows_every_broker_of_its_settings() -> None:
    brokers = "127.0.0.1:9092,127.0.0.1:9094,127.0.0.1:9096"
    app, _ = create_app(InstallationSettings(kafka=brokers), CollectorRegistry())
    assert server_list(app.transport.url, 9092) == brokers.split(",")
