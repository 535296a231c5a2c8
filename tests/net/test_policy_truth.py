"""NetworkPolicy's truth table: nine pods in three namespaces, the node and a machine outside ask each other over TCP, UDP
and SCTP at two ports and with pings, in both families, after each of some hundred changes; who gets through must be
whom the oracle lets through (policy_oracle.py), cell by cell. KNETD_POLICY_SEED repeats what was drawn,
KNETD_POLICY_STEPS says how many changes are."""

import os
import random
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from policy_cases import Drawn, cases  # noqa: E402
from policy_probe import SLOW  # noqa: E402
from policy_world import World  # noqa: E402

SEED = int(os.environ.get("KNETD_POLICY_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
# A slow machine makes less changes and asks less: one in so many of the planned cases, one in so many of the cells.
STEPS = int(os.environ.get("KNETD_POLICY_STEPS", "60" if SLOW == 1 else "4"))
EVERY = int(os.environ.get("KNETD_POLICY_EVERY", "1" if SLOW == 1 else "30"))
PART = int(os.environ.get("KNETD_POLICY_PART", "1" if SLOW == 1 else "5"))
RANDOM = random.Random(SEED)
KINDS = ("targets", "rules", "peers", "ports", "conflicts", "actions", "upstream")


@pytest.fixture(scope="module")
def world():
    with World() as made:
        check(made, "no policies", 0)
        yield made
        print(f"\n{made.checks} tables, {made.checked} cells, {made.prober.again} of them asked again, {made.prober.asked} questions")


def check(world, why, number):
    """Every fourth time they ask by the pods' Services: what is judged is the pod behind; every eighth time the node takes
    part, whose pods always reach it, and it them."""
    cells = list(world.cells("service" if number % 4 == 3 else None, None if number % 8 == 0 else [e for e in world.ends if e != "node"]))
    world.check(why, cells if PART == 1 else RANDOM.sample(cells, len(cells) // PART))


def judge(world, title, steps, number):
    for n, step in enumerate(steps):
        for what, *args in step:
            getattr(world, what)(*args)
        check(world, f"{title}, step {n + 1}", number)


@pytest.mark.parametrize("kind", KINDS)
def test_planned(world, kind):
    try:
        pod = world.pods["z/c"]
        for number, (title, steps) in enumerate(cases(pod.ip4, pod.ip6)[kind]):
            if number % EVERY:
                continue
            kept = {(namespace, name) for what, namespace, name, *_ in steps[0] if what == "policy"}
            if number % 2 or kept != set(world.policies):  # every other time they are changed where they stand
                world.clear()
            judge(world, title, steps, number)
            if len(steps) > 1:
                world.clear()
    finally:
        world.clear()
    check(world, "all policies gone", 0)


def test_drawn(world):
    print(f"\nKNETD_POLICY_SEED={SEED}")
    drawn = Drawn(random.Random(SEED), [end.ip for name, ends in world.ends.items() for end in ends.values()])
    try:
        for number in range(STEPS):
            step = []
            for _ in range(drawn.random.choice((1, 1, 1, 3))):
                what, *args = drawn.change(world)
                getattr(world, what)(*args)
                step.append((what, *args))
            check(world, f"seed {SEED}, drawn {number}: {step}", number)
    finally:
        world.clear()
    check(world, "all policies gone", 0)
