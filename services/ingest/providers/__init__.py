"""Sources of daily prices behind one protocol; the parsers here are pure."""
