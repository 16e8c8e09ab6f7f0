"""kill -9 of sweeps: started again, they end as if undisturbed."""

import json
import signal
import subprocess
import sys
import time

import pytest
import test_resume

from hybrid_jax import collect, results


@pytest.mark.slow
def test_a_sweep_killed_twice_and_sharded_collects_to_the_same_table(tmp_path):
    def start(name, shard):
        return subprocess.Popen(
            [
                sys.executable, test_resume.ROOT / "launch.py",
                f"--config={test_resume.ROOT}/configs/activity.py:smoke", "--mode=sweep",
                f"--workdir={tmp_path / name}", f"--sweep_shard={shard}",
                "--config.evaluators=('accuracy',)", "--config.noise.relative=(0.0,1.0)",
                "--config.reduction.autoencoder_layers=()", "--config.pretrain.epochs=0.5",
                "--config.finetune.epochs=0.5",
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=test_resume.environment(tmp_path),
        )  # fmt: skip

    def done(name):
        return len(list((tmp_path / name).glob("points/*/results.json")))

    assert start("undisturbed", "1/1").wait() == 0
    for shard, enough in (("1/2", 5), ("2/2", 17)):
        # SIGKILL falls wherever the shard is after that many points: in a training, a fit, a file.
        killed = start("sharded", shard)
        while done("sharded") < enough:
            assert killed.poll() is None
            time.sleep(0.05)
        killed.send_signal(signal.SIGKILL)
        assert killed.wait() == -signal.SIGKILL and done("sharded") < 26
        assert start("sharded", shard).wait() == 0
    assert done("undisturbed") == done("sharded") == 26
    pages = []
    for name in ("undisturbed", "sharded"):
        out = tmp_path / f"{name}-all"
        collect.collect(str(tmp_path / name), out, command="collect")
        pages.append((out / "accuracy.md").read_text())
        pages.append(json.dumps(results.read(out)["records"]))
    assert pages[:2] == pages[2:]
