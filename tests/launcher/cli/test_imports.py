"""What the command line does not import before it must: start-up depends on it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_help_and_plan_import_no_torch_pandas_or_matplotlib(tmp_path: Path) -> None:
    (tmp_path / "tokenized_data.pt").touch()  # a plan takes its digest and does not look into it
    job = tmp_path / "job.toml"
    job.write_text(
        f'[sweep]\ntarget = "minigpt.train:run"\n[config]\ndata_dir = "{tmp_path}"\n[experiments]\na = {{}}\n'
    )
    for arguments in (["--help"], ["plan", str(job)]):
        code = (
            "import sys\nfrom launcher.cli.app import main\n"
            f"try:\n    main({arguments!r})\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
            "heavy = {'torch', 'pandas', 'matplotlib', 'numpy'} & sys.modules.keys()\nassert not heavy, heavy\n"
        )
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=tmp_path)
