"""A folder in the memory of one machine is no place for a sweep on a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.errors import InputError
from launcher.store.file_system import check_shared, kind_of

MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
tmpfs /dev/shm tmpfs rw 0 0
server:/home /home nfs4 rw 0 0
tmpfs /home/my\\040scratch tmpfs rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/x", "ext4"),
        ("/dev/shm/a", "tmpfs"),
        ("/home/a", "nfs4"),
        ("/home/my scratch/a", "tmpfs"),
        ("/homes", "ext4"),
    ],
)
def test_the_longest_mount_point_counts(tmp_path: Path, folder: str, kind: str) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS)
    assert kind_of(Path(folder), mounts)[0] == kind


def test_a_folder_in_memory_is_refused_and_an_unreadable_table_says_nothing(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    check_shared(Path("/dev/shm/a"), mounts)
    mounts.write_text(MOUNTS)
    check_shared(Path("/home/a"), mounts)
    with pytest.raises(InputError, match="--outcome DIR"):
        check_shared(Path("/dev/shm/a"), mounts)
