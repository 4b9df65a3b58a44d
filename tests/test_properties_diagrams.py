"""Relations between calls of `phase_diagrams`."""

from functools import partial

import jax.random as jr
import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from properties import SEEDS, about, gaussians, near, permutations

from implreg_core import bounds, factorizations, phase_diagrams
from implreg_core.phase_diagrams import Axis


@about(
    "phase_diagrams.critical_unbalancedness",
    loss=st.floats(1e-3, 1),
    depth=st.integers(2, 6),
)
def test_the_critical_unbalancedness_rises_with_the_loss_and_is_a_power_law_beyond_depth_two(loss, depth):
    value = float(phase_diagrams.critical_unbalancedness(loss, depth))
    half = float(phase_diagrams.critical_unbalancedness(loss / 2, depth))
    power = (depth + 2) / (depth * (depth - 2)) if depth > 2 else None
    assert half < value and near(half, value**2 if depth == 2 else value / 2**power)
    assert near(phase_diagrams.critical_unbalancedness(np.array([loss, loss / 2]), depth), [value, half], 1e-14)


@about("phase_diagrams.blow_up_entry", losses=hnp.arrays(float, 4, elements=st.floats(1e-12, 4)))
def test_what_counts_as_blown_up_falls_with_the_loss_and_is_less_than_what_is_forced(losses):
    value = np.asarray(phase_diagrams.blow_up_entry(np.sort(losses)))
    assert np.all(np.diff(value) <= 0)
    assert np.all(value <= (1 + 1e-14) * np.asarray(bounds.unseen_entry_lower_bound(np.sort(losses))))


@about(
    "phase_diagrams.wilson_interval",
    total=st.integers(1, 50),
    data=st.data(),
    confidence=st.sampled_from([0.5, 0.95, 0.999]),
)
def test_intervals_mirror_contain_the_share_and_grow_with_the_confidence(total, data, confidence):
    count = np.array(data.draw(st.lists(st.integers(0, total), min_size=2, max_size=2)))
    low, high = ends = phase_diagrams.wilson_interval(count, total, confidence)
    assert np.all((low <= count / total) & (count / total <= high))
    mirrored = phase_diagrams.wilson_interval(total - count, total, confidence)
    assert near(mirrored, 1 - ends[::-1], 1e-14, size=1)
    wider = phase_diagrams.wilson_interval(count, total, 0.9999)
    assert np.all(wider[0] <= low) and np.all(wider[1] >= high)
    assert np.array_equal(phase_diagrams.wilson_interval(count[::-1], total, confidence), ends[:, ::-1])
    if count[0] < count[1]:
        assert low[0] < low[1] and high[0] < high[1]


@about(
    "phase_diagrams.gaussian_start",
    "phase_diagrams.balanced_start",
    "factorizations.turned_to_sign",
    seed=SEEDS,
    scale=st.floats(1e-6, 1),
    imbalance=st.floats(0, 1),
    examples=4,
)
def test_starts_scale_mirror_and_keep_their_product(seed, scale, imbalance):
    product, key = factorizations.product_matrix, jr.key(seed)
    gaussian, balanced = phase_diagrams.gaussian_start, phase_diagrams.balanced_start
    unit, scaled, mirror = (gaussian(key, depth=3, scale=s, sign=sign) for s, sign in [(1, 1), (scale, 1), (scale, -1)])
    assert np.linalg.det(product(unit)) > 0 and all(near(W, scale ** (1 / 3) * V) for W, V in zip(scaled, unit))
    assert near(product(mirror), product(scaled) * np.array([-1.0, 1.0]), 1e-14)
    even, odd = (balanced(key, depth=3, scale=scale, imbalance=kappa) for kappa in (0.0, imbalance))
    assert near(product(odd), product(even), 1e-11)  # what stretches is inverted by its square at most
    assert factorizations.unbalancedness(even) <= factorizations.unbalancedness(odd) + 1e-13
    turned = factorizations.turned_to_sign(odd, -1)
    assert all(map(np.array_equal, factorizations.turned_to_sign(turned, -1), turned))
    assert all(map(np.array_equal, factorizations.turned_to_sign(turned, 1), odd))
    assert near(factorizations.unbalancedness(turned), factorizations.unbalancedness(odd), 1e-13)


COUNTED = ["unseen_entry", "effective_rank", "fits", "blows_up", "keeps_sign"]


@about(
    "phase_diagrams.PhaseDiagram",
    *(
        f"phase_diagrams.PhaseDiagram.{name}"
        for name in [*COUNTED, "fraction", "interval", "fraction_of", "interval_of"]
    ),
    "phase_diagrams.Axis",
    W=gaussians(2, 3, 4, 2, 2),
    loss=hnp.arrays(float, (2, 3, 4), elements=st.sampled_from([0.0, 1e-4, 0.01, 0.1])),
    order=permutations(4),
    columns=permutations(3),
    examples=6,
)
def test_a_diagram_counts_its_runs_in_any_order(W, loss, order, columns):
    W = W * np.where(loss > 0, 1 / np.sqrt(loss + 1e-9), 1.0)[..., None, None]
    rows, axis = Axis("depth", (2, 3)), Axis("scale", (0.1, 0.2, 0.3))

    def diagram(part, rows=rows, axis=axis, target_loss=0.01):
        parts = part(W), part(loss), part(np.linalg.det(W) > 0), part(loss)
        return phase_diagrams.PhaseDiagram(rows, axis, *parts, target_loss=target_loss)

    plain, looser = diagram(lambda x: x), diagram(lambda x: x, target_loss=0.1)
    mixed = diagram(lambda x: x[:, columns][:, :, order], axis=Axis("scale", np.array(axis.values)[columns]))
    flipped = diagram(lambda x: np.swapaxes(x, 0, 1), axis, rows)
    for name in COUNTED:
        values = getattr(plain, name)
        assert np.array_equal(getattr(mixed, name), values[:, columns][:, :, order]), name
        assert np.array_equal(getattr(flipped, name), np.swapaxes(values, 0, 1)), name
    assert np.array_equal(mixed.fraction, plain.fraction[:, columns])
    for outcome in phase_diagrams.OUTCOMES:
        assert np.array_equal(mixed.fraction_of(outcome), plain.fraction_of(outcome)[:, columns])
        assert np.array_equal(flipped.interval_of(outcome), np.swapaxes(plain.interval_of(outcome), 1, 2))
    assert np.all(plain.keeps_sign <= plain.fits)
    assert np.array_equal(flipped.interval, np.swapaxes(plain.interval, 1, 2))
    assert np.all(plain.blows_up <= plain.fits) and np.all(plain.fits <= looser.fits)
    assert np.all(plain.fraction <= looser.fraction) and np.all(plain.interval <= looser.interval)


@about("phase_diagrams.phase_diagram", seed=SEEDS, examples=1)
def test_rows_of_a_diagram_draw_the_same_and_can_be_in_any_order(seed):
    start = partial(phase_diagrams.balanced_start, depth=3)
    settings = {"runs": 2, "target_loss": 0.3, "max_time": 3.0, "learning_rate": 0.1}
    signs, scales = Axis("sign", [1, -1]), Axis("scale", [0.3])
    diagram = phase_diagrams.phase_diagram(jr.key(seed), start, signs, scales, **settings)
    other = phase_diagrams.phase_diagram(jr.key(seed), start, Axis("sign", [-1, 1]), scales, **settings)
    assert near(other.W[::-1], diagram.W, 1e-15) and near(other.loss[::-1], diagram.loss, 1e-15)
    assert near(diagram.unbalancedness, np.zeros((2, 1, 2)), 1e-13, size=1)
    assert np.all(np.linalg.det(diagram.W[0]) > 0) and np.all(np.linalg.det(diagram.W[1]) < 0)
