"""Monitoring: what Prometheus asks of every process, the alerts, and two Grafana dashboards."""
