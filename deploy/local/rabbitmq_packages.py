"""Finding RabbitMQ's programs: on the machine, else Debian's packages unpacked into the state folder.

Nothing is installed: packages are downloaded and unpacked, which an ordinary user may do as well, and no
system service is started or changed.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import BrokerUnavailable
from deploy.local.state import StateFolder

MACHINE_ROOT = Path("/")
_APT_TIMEOUT_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Programs:
    """RabbitMQ and Erlang below one root folder: `/`, or where the packages were unpacked."""

    root: Path

    @property
    def server(self) -> Path:
        """The server's own script: the wrapper in /usr/sbin refuses ordinary users."""
        return self.root / "usr/lib/rabbitmq/bin/rabbitmq-server"

    @property
    def erlang(self) -> Path:
        """Erlang's root folder."""
        return self.root / "usr/lib/erlang"

    @property
    def epmd(self) -> Path:
        """Erlang's port mapper."""
        return next(self.erlang.glob("erts-*/bin/epmd"))

    @property
    def version(self) -> str:
        """RabbitMQ's version, from the folder it lies in."""
        return self.server.resolve().parent.parent.name.removeprefix("rabbitmq_server-")

    def environment(self) -> dict[str, str]:
        """Variables under which the programs find each other and their libraries."""
        found = {
            "PATH": f"{self.erlang}/bin:{os.environ.get('PATH', os.defpath)}",
            "ERL_ROOTDIR": str(self.erlang),
        }
        if self.root != MACHINE_ROOT:
            libraries = [*self.root.glob("usr/lib/*-linux-gnu*"), *self.root.glob("lib/*-linux-gnu*")]
            found["LD_LIBRARY_PATH"] = ":".join(str(folder) for folder in libraries)
        return found


def programs_for(state: StateFolder) -> Programs:
    """Return RabbitMQ's programs, downloaded once if the machine has none.

    Raises `BrokerUnavailable` when they can neither be found nor downloaded.
    """
    machine = Programs(MACHINE_ROOT)
    if machine.server.exists() and machine.erlang.is_dir():
        return machine
    target = state.tools / "rabbitmq"
    if not target.exists():
        _unpack_packages(target)
    return Programs(target)


def _unpack_packages(target: Path) -> None:
    """Fill `target` in one step: an interrupted attempt leaves only a draft that the next one removes."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise BrokerUnavailable(
            "RabbitMQ was not found and cannot be downloaded, as this machine has no apt-get: "
            "install rabbitmq-server or set BROKER_URL."
        )
    draft = target.with_name(f"{target.name}.partial")
    shutil.rmtree(draft, ignore_errors=True)
    (draft / "apt/lists/partial").mkdir(parents=True)
    (draft / "apt/cache/archives/partial").mkdir(parents=True)
    try:
        for package in _download(draft / "apt"):
            _run(["dpkg-deb", "--extract", str(package), str(draft)], draft)
        _make_relocatable(Programs(draft).erlang)
        shutil.rmtree(draft / "apt")
        draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _download(folder: Path) -> list[Path]:
    """Download rabbitmq-server and the packages it needs that the machine lacks; return the files."""
    apt = ["apt-get", "-q", f"-oDir::State::Lists={folder}/lists", f"-oDir::Cache={folder}/cache"]
    # As root apt drops to an account of its own, which may not enter the state folder.
    apt += ["-oAPT::Sandbox::User=root", "-oDebug::NoLocking=true"]
    # A third-party source that does not answer fails the update as a whole though Debian's own was read.
    _run([*apt, "update"], folder, must_succeed=False)
    plan = _run([*apt, "--simulate", "--no-install-recommends", "install", "rabbitmq-server"], folder)
    _run([*apt, "download", *re.findall(r"^Inst (\S+)", plan, flags=re.MULTILINE)], folder)
    return sorted(folder.glob("*.deb"))


def _make_relocatable(erlang: Path) -> None:
    """Let Erlang's start scripts take the root folder from ERL_ROOTDIR, not from where Debian installs it."""
    for script in [*erlang.glob("bin/*"), *erlang.glob("erts-*/bin/*")]:
        content = script.read_bytes()
        if script.is_file() and content.startswith(b"#!") and b"ROOTDIR=/usr/lib/erlang" in content:
            script.write_bytes(content.replace(b"ROOTDIR=/usr/lib/erlang", b'ROOTDIR="$ERL_ROOTDIR"'))


def _run(command: list[str], folder: Path, *, must_succeed: bool = True) -> str:
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=_APT_TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BrokerUnavailable(f"RabbitMQ cannot be downloaded: `{command[0]}` did not answer.") from error
    if done.returncode and must_succeed:
        errors = [line for line in done.stderr.splitlines() if line.startswith("E:")] or ["no reason given"]
        raise BrokerUnavailable(
            f"RabbitMQ was not found and Debian's packages cannot be downloaded ({errors[0]}): "
            "install rabbitmq-server or set BROKER_URL."
        )
    return done.stdout
