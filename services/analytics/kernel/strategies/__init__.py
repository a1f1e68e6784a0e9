"""Trading rules: pure functions from closes to signals, one module each, listed in `registry`."""
