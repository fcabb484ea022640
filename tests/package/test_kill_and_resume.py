"""A run that is killed at any moment and started again ends as one that was left alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import glassbox

LAB = Path(__file__).with_name("kill_lab.py")
ROUNDS = 20


def test_runs_that_are_killed_at_random_end_bit_for_bit_like_those_left_alone(tmp_path):
    path = str(Path(glassbox.__file__).parent.parent)
    result = subprocess.run(
        [sys.executable, LAB, str(ROUNDS), tmp_path],
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert result.returncode == 0, result.stderr
    assert not result.stderr
    report = json.loads(result.stdout)
    assert len(report) == ROUNDS and all(round["kills"] for round in report)
    assert sum(round["after_a_checkpoint"] for round in report) >= ROUNDS / 2
    assert any(round["while_writing"] for round in report), "no kill hit a half-written checkpoint"
    assert [round["same"] for round in report] == [True] * ROUNDS
