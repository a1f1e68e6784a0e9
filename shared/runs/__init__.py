"""What is said of backtests to people, in one wording wherever they read it; pure."""
