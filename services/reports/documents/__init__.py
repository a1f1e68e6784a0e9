"""Report documents: one model, rendered as JSON, PDF and PNG."""
