"""Sends each service what schemathesis makes of its OpenAPI document, through the whole running system."""
