"""Trading rules: pure functions from bars to decisions, one module each, which `registry` finds by itself."""
