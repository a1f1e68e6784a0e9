"""Facts about the market we are told: instruments, daily bars, corporate actions, sessions, fetch jobs."""
