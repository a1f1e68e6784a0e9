import subprocess
import sys
from pathlib import Path

from deploy.local.locks import FileLock, opened


def test_only_the_last_sharer_gets_the_lock_alone(tmp_path: Path) -> None:
    with opened(tmp_path / "lock") as first, opened(tmp_path / "lock") as second:
        first.share()
        second.share()

        assert not first.try_exclusive()
        assert second.try_exclusive()


def test_a_lock_is_held_until_the_child_that_inherited_it_ends(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock")
    assert lock.try_exclusive()
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[lock.fileno()]
    ) as child:
        lock.close()
        with opened(tmp_path / "lock") as other:
            assert not other.try_exclusive()

            child.communicate(b"\n")

            assert other.try_exclusive()
