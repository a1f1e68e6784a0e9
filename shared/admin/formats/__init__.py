"""How dates and times are written: as the API writes them, in UTC."""
