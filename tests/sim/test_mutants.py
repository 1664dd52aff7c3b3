"""The test of the tester: planted bugs still fit the product, and the quickest are found. All of them: `./run sim --mutants`."""

import shutil

import pytest

from tests.sim.mutants.hunt import ROOT, PatchFailed, apply, hunt, patch_of, touched
from tests.sim.mutants.table import MUTANTS
from tests.sim.promises import Violation

QUICK = ("canary", "tail_begins_late", "fills_booked_twice", "exits_need_active")
SLACK = 15  # worlds more than the last hunt took: a change of the product changes every world


@pytest.mark.parametrize("name", MUTANTS)
def test_every_planted_bug_still_fits_the_product(name, tmp_path):
    patch = patch_of(MUTANTS[name])
    paths = touched(patch)
    assert paths
    assert all(path.startswith("tradingd/") for path in paths)
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    apply(patch, tmp_path)
    assert all((tmp_path / path).read_text() != (ROOT / path).read_text() for path in paths)
    for path in paths:
        compile((tmp_path / path).read_text(), path, "exec")
    with pytest.raises(PatchFailed):  # it is in there already
        apply(patch, tmp_path)


def test_each_patch_has_its_line_and_each_promise_its_mutant():
    patches = {path.stem for path in patch_of(MUTANTS["canary"]).parent.glob("*.patch")}
    assert patches == MUTANTS.keys()
    assert {mutant.promise for mutant in MUTANTS.values()} == {f"I{n}" for n in range(1, 16)}
    assert all(mutant.promise in mutant.by for mutant in MUTANTS.values())


@pytest.mark.parametrize("name", QUICK)
def test_the_quick_ones_are_found(name):
    mutant = MUTANTS[name]
    found = hunt(mutant, budget=mutant.seeds + SLACK, jobs=1)
    assert found.seeds is not None, f"{name} was not found in {mutant.seeds + SLACK} worlds"
    assert found.how in mutant.by


def test_a_violation_says_promise_and_moment():
    assert str(Violation("I1", "an order leaves", 1.5)) == "I1 at 1.500 s: an order leaves"
