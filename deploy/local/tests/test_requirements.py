"""`requirements.txt` installs what the lock holds; `make lint` compares them to the byte."""

import re
import tomllib

from deploy.local.checkout import CHECKOUT

RUNTIME_EXTRAS = ("ingest", "analytics", "reports", "local", "postgres")
TEXT = (CHECKOUT / "requirements.txt").read_text(encoding="utf-8")
PINS = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", TEXT, re.MULTILINE))


def test_every_pin_and_every_hash_is_the_locks() -> None:
    packages = {item["name"]: item for item in tomllib.loads((CHECKOUT / "uv.lock").read_text())["package"]}

    assert PINS
    for block in re.split(r"\n(?=[a-z])", TEXT)[1:]:
        name = re.match(r"[a-z0-9-]+", block)[0]  # type: ignore[index]
        locked = packages[name]
        files = [*locked.get("wheels", []), *([locked["sdist"]] if "sdist" in locked else [])]
        assert PINS[name] == locked["version"]
        assert set(re.findall(r"sha256:[0-9a-f]{64}", block)) == {file["hash"] for file in files}, name


def test_whatever_the_embedded_system_needs_is_pinned_and_nothing_for_development() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(line for extra in RUNTIME_EXTRAS for line in extras[extra])]

    names = {re.match(r"[A-Za-z0-9-]+", line)[0] for line in wanted}  # type: ignore[index]
    assert names <= set(PINS)
    assert not {"bellwether", "pytest", "ruff", "mypy", "scikit-learn"} & set(PINS)


def test_nothing_of_one_machine_is_in_it() -> None:
    assert not re.search(r"^-|://|/tmp|/home|/work", TEXT, re.MULTILINE)
