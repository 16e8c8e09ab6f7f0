import stat

import page_records
import pytest

from hybrid_jax.report import page


def test_it_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("before")

    def refuse(*_):
        raise OSError("no room")

    monkeypatch.setattr("hybrid_jax.results.os.replace", refuse)
    with pytest.raises(OSError, match="no room"):
        page.write(tmp_path, "c", {}, page_records.rebuilt(), {})
    assert path.read_text() == "before" and [p.name for p in tmp_path.iterdir()] == ["report.html"]
    assert stat.S_ISREG(path.stat().st_mode)


def test_the_script_is_made_once_and_a_cache_that_cannot_be_written_is_done_without(
    tmp_path, monkeypatch
):
    made = []
    monkeypatch.setattr("vl_convert.javascript_bundle", lambda: made.append(1) or "script")
    monkeypatch.setenv("HYBRID_JAX_CACHE", str(tmp_path / "cache"))
    make = page.page.javascript.bundle.__wrapped__
    assert [make(), make()] == ["script"] * 2 and made == [1]
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HYBRID_JAX_CACHE", str(tmp_path / "file"))
    assert make() == "script" and made == [1, 1]
