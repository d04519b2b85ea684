"""Watching: metrics, health endpoints, status."""
