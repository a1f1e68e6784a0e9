"""What is stored of an instrument, held against the calendar; no Django app, as it stores nothing of its own."""
