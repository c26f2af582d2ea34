"""What can be measured, and what is made from it: the catalogue of metrics, the health score, dashboards, alert rules.

Pure data and arithmetic. Nothing here reads an actor, a socket or a file: ``shells.metrics_source`` fills the catalogue, and
``tools/generate_monitoring.py`` writes the files that Prometheus, Alertmanager and Grafana read.
"""
