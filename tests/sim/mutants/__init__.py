"""Planted bugs: each breaks one promise, and the simulation must find it. That is the test of the tester.

A mutant is a patch against the product beside this file and a line in `table.MUTANTS`. `./run sim --mutants` plants each of them in
a copy of the tree, runs worlds there until one fails, and prints how many it took. One that no world finds shows an oracle that is
missing, or a situation that is too rare. To write one: change the product, `git diff -U1 > NAME.patch`, undo the change, add the
line. Source: RELIABILITY 4.5.
"""

from tests.sim.mutants.hunt import hunt_all as hunt_all
