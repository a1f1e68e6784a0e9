"""What the admin pages of all apps have in common: the site, read-only records and how values are shown."""
