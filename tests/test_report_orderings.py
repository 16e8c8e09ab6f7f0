"""Which embedding leaks less than which: each pair counted, and named where it is the other way."""

from attack_records import run

from hybrid_jax.report.orderings import orderings


def test_orderings_of_the_paper_are_checked_pair_by_pair():
    """Of three methods at two layers: a layer above another three times, reduced below simple twice."""
    lowered = [r | {"value": r["value"] - 0.01} if r["layer"] == "fc_2" else r for r in run()]
    both = "best: 5 of 5 hold.\n\nbest, strangers: 5 of 5 hold."
    assert orderings(lowered, "gender") == both
    strange = [
        r | {"value": r["value"] + 0.5}
        if r["gallery"] == "leave_group_out" and r["method"] == "reduced"
        else r
        for r in lowered
    ]
    first, second = orderings(strange, "gender").split("\n\n")
    assert first == "best: 5 of 5 hold."
    assert second.startswith("best, strangers: 3 of 5 hold; FC-1, reduced above simple: +45.0; ")
    raised = [r | {"value": r["value"] + 0.03} if r["layer"] == "fc_2" else r for r in run()]
    found = orderings(raised, "gender")
    assert found.startswith("best: 2 of 5 hold; FC-2 above FC-1, simple: +3.0; ")
    swapped = {"simple": "reduced", "reduced": "simple"}
    found = orderings(
        [r | {"method": swapped.get(r["method"], r["method"])} for r in run()], "gender"
    )
    assert "FC-1, reduced above simple: +5.0" in found
    assert orderings([], "gender") == ""
