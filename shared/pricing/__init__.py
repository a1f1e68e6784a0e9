"""Prices as facts and the bases they can be read in: pure numpy, shared by ingest and analytics."""
