"""What launch.py does besides a run, and the mistakes there."""

import numpy as np
import pytest
import synthetic_records
from command_line import refused, run

from hybrid_jax import results

AUDITED = ("audit.md", "results.json")


def test_no_config_and_no_folder():
    assert "--workdir is missing" in run("--config=configs/activity.py:smoke").stderr


def test_an_audit_of_arrays_prints_its_page(tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "f.npz", features=rng.normal(size=(12, 2)), labels=np.arange(12) % 2)
    flags = ("--mode=audit", f"--features={tmp_path}/f.npz", f"--workdir={tmp_path}/out")
    done = run(*flags, "--noise_std=0,1", "--gallery=self", "--num_draws=1")
    assert done.returncode == 0, done.stderr
    assert "12 queries, 2 classes, 1 draw." in done.stdout
    assert done.stdout.splitlines()[-2:] == [f"{tmp_path}/out/{n}" for n in AUDITED]


def test_mistakes_in_an_audit(tmp_path, capsys):
    np.savez(tmp_path / "f.npz", features=np.eye(4), labels=np.arange(4) % 2)
    flags = ("--mode=audit", f"--features={tmp_path}/f.npz", f"--workdir={tmp_path}/out")
    for flag, message in (
        ("--noise_std=0,much", "--noise_std=0,much: give numbers by commas"),
        ("--features=", "--features is missing"),
        ("--prior=flat", "prior 'flat'"),
    ):
        assert message in refused(capsys, *flags, "--noise_std=0", flag)


# ml_collections loads configs as Python did.
@pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")
def test_workers_are_counted_and_of_a_run_alone(tmp_path, capsys):
    flags = ("--config=configs/activity.py:smoke", f"--workdir={tmp_path}/out")
    for more, message in (
        (("--workers=0",), "--workers=0: give the number of processes"),
        (("--workers=2", "--mode=tune"), "--workers=2: of --mode=run alone"),
    ):
        assert message in refused(capsys, *flags, *more)
    assert not (tmp_path / "out").exists()


def test_help_says_what_there_is_to_say():
    done = run("--help")
    assert done.returncode == 0 and not done.stderr
    for word in ("--mode=collect", "--workdir", "--runs", "configs/activity.py"):
        assert word in done.stdout


def test_collect(tmp_path):
    for seed in range(2):
        records = synthetic_records.run(seed, layers=("fc_1",))
        results.write(tmp_path / str(seed) / "results.json", "launch.py", {"seed": seed}, records)
    done = run("--mode=collect", f"--runs={tmp_path}/0,{tmp_path}/1", f"--workdir={tmp_path}/all")
    assert done.returncode == 0, done.stderr
    assert "2 seeds" in done.stdout and f"{tmp_path}/all/accuracy.md" in done.stdout
    assert "launch.py --mode=collect" in results.read(tmp_path / "all")["command"]
