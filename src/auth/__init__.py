"""Signing in: OAuth 2 flows and the encrypted token file."""
