"""The table of settings as people read it: in the reference, in the README and in `.env.example`."""

from collections.abc import Iterable, Iterator

from shared.settings.table import VARIABLES
from shared.settings.variable import Variable

MOST_USED = (
    "BELLWETHER_HOME",
    "BELLWETHER_PORT",
    "BELLWETHER_BIND",
    "DATABASE_URL",
    "BROKER_URL",
    "SECRET_KEY",
    "ALLOWED_HOSTS",
    "LOG_LEVEL",
)
MARKS = (
    "<!-- settings: `python -m deploy.local.reference` writes this table -->",
    "<!-- end of settings -->",
)
_EXAMPLE_HEAD = """\
# Settings: copy this file to `.env` and take away the # of what you want to change. Nothing needs to be set.
# `bellwether`, `manage.py` and `make up` read it; what the environment says stands over it.
# Each may be given as a file instead: NAME_FILE=/run/secrets/name. Values with # or quotes in them need quotes.
"""


def setting_rows(variables: Iterable[Variable] = VARIABLES) -> Iterator[tuple[str, str, str, str]]:
    """Give name with aliases, default, what it should be and what it is for."""
    for item in variables:
        names = f"`{item.name}`" + "".join(f", also `{alias}`" for alias in item.aliases)
        yield names, f"`{item.default}`" if item.default else "", item.expected, item.help


def readme_block() -> str:
    """Return the most used settings as the README has them, between their marks."""
    by_name = {item.name: item for item in VARIABLES}
    rows = [
        f"| {names} | {default} | {text} |"
        for names, default, _, text in setting_rows(by_name[name] for name in MOST_USED)
    ]
    return "\n".join([MARKS[0], "| variable | default | what for |", "| --- | --- | --- |", *rows, MARKS[1]])


def with_readme_block(readme: str) -> str:
    """Return the README with its block brought up to date; one without marks is returned as it is."""
    before, start, rest = readme.partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    return before + readme_block() + after if start and end else readme


def env_example_text() -> str:
    """Return `.env.example`: every variable, commented out, with what it is for."""
    parts = [_EXAMPLE_HEAD, *map(_example, VARIABLES)]
    return "\n".join(parts)


def _example(item: Variable) -> str:
    also = f" Also known as {', '.join(item.aliases)}." if item.aliases else ""
    text = item.help.replace("`", "")
    return f"# {text[0].upper()}{text[1:]}.\n# It should be {item.expected}.{also}\n# {item.name}={item.default or ''}\n"
