"""Django's admin with our site."""

from django.contrib.admin.apps import SimpleAdminConfig


class BellwetherAdminConfig(SimpleAdminConfig):
    """Makes `BellwetherSite` the site; its pages are found when their addresses are, see site.py."""

    default_site = "shared.admin.site.BellwetherSite"
