"""The optimizers against the papers' own formulas, and the schedules' ends."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchnet.optimizers import SGD, Adam, constant, cosine, triangular

rates = st.floats(1e-4, 0.2)
shares = st.floats(0.1, 0.99)
few = settings(deadline=None, max_examples=40)
N_STEPS = 12
CURVATURE = np.array([[1.0, 0.3, 0.1], [2.0, 0.5, 1.5]])
START = np.array([[1.0, -2.0, 3.0], [0.5, -0.5, 0.0]])


def slope(weights):
    """Return the gradient of a bowl that is no parabola."""
    return CURVATURE * np.sin(weights) + 0.1 * weights


def run(optimizer, learning_rate):
    """Take some steps with an optimizer; return all places on the way."""
    parameters, places = {"weights": START.copy()}, []
    for _ in range(N_STEPS):
        gradients = {"weights": slope(parameters["weights"])}
        optimizer.step(parameters, gradients, learning_rate)
        places.append(parameters["weights"].copy())
    return np.array(places)


@given(rates, shares)
@few
def test_momentum_as_sutskever_and_others_write_it(learning_rate, momentum):
    weights, velocity, places = START.copy(), 0, []
    for _ in range(N_STEPS):  # equations 1 and 2
        velocity = momentum * velocity - learning_rate * slope(weights)
        weights = weights + velocity
        places.append(weights)
    assert np.allclose(run(SGD(momentum), learning_rate), places, rtol=1e-10)


@given(rates, shares)
@few
def test_nesterov_as_sutskever_and_others_write_it(learning_rate, momentum):
    weights, velocity, places = START.copy(), 0, []
    for _ in range(N_STEPS):  # equations 3 and 4
        ahead = weights + momentum * velocity
        velocity = momentum * velocity - learning_rate * slope(ahead)
        weights = weights + velocity
        places.append(weights + momentum * velocity)
    # The parameters that `SGD` keeps are those from where the paper looks ahead.
    ours = run(SGD(momentum, nesterov=True), learning_rate)
    assert np.allclose(ours, places, rtol=1e-10)


@given(rates, shares, shares)
@few
def test_adam_as_kingma_and_ba_write_it(learning_rate, beta_1, beta_2):
    weights, m, v, places = START.copy(), 0, 0, []
    for t in range(1, N_STEPS + 1):  # algorithm 1
        g = slope(weights)
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        m_hat, v_hat = m / (1 - beta_1**t), v / (1 - beta_2**t)
        weights = weights - learning_rate * m_hat / (np.sqrt(v_hat) + 1e-8)
        places.append(weights)
    ours = run(Adam(beta_1=beta_1, beta_2=beta_2), learning_rate)
    assert np.allclose(ours, places, rtol=1e-8, atol=1e-12)


def test_plain_gradient_descent():
    first = run(SGD(), 0.1)[0]
    assert np.allclose(first, START - 0.1 * slope(START), rtol=1e-15)


def test_the_first_step_of_adam_is_as_long_as_the_learning_rate():
    first = run(Adam(), 0.01)[0]
    assert np.allclose(np.abs(first - START)[START != 0], 0.01)


@pytest.mark.parametrize("optimizer", [SGD, Adam])
def test_weight_decay_shrinks_weights_but_not_biases(optimizer):
    parameters = {"weights": np.ones((2, 3)), "bias": np.ones(3)}
    gradients = {name: np.zeros_like(array) for name, array in parameters.items()}
    optimizer(weight_decay=0.1).step(parameters, gradients, 0.5)
    assert np.allclose(parameters["weights"], 1 - 0.5 * 0.1)
    assert np.array_equal(parameters["bias"], np.ones(3))


@pytest.mark.parametrize("optimizer", [SGD(0.9, True, 1e-4), Adam(weight_decay=1e-4)])
def test_a_step_changes_parameters_in_place_and_nothing_else(optimizer):
    weights = START.astype(np.float32)
    gradient = weights.copy()
    for _ in range(3):
        optimizer.step({"weights": weights}, {"weights": gradient}, 0.1)
    assert weights.dtype == np.float32
    assert not np.array_equal(weights, START)
    assert np.array_equal(gradient, START.astype(np.float32))


def test_schedules_begin_peak_and_end_where_they_say():
    assert [constant(at) for at in (0, 0.5, 1)] == [1, 1, 1]
    assert np.allclose(
        [triangular(at) for at in (0, 0.1, 0.2, 0.6, 1)], [0, 0.5, 1, 0.5, 0]
    )
    assert np.allclose(
        [triangular(at, warm_up=0.5) for at in (0.25, 0.5, 0.75)], [0.5, 1, 0.5]
    )
    assert np.allclose([cosine(at) for at in (0, 1 / 3, 0.5, 1)], [1, 0.75, 0.5, 0])


@pytest.mark.parametrize("schedule", [constant, triangular, cosine])
def test_schedules_stay_between_0_and_the_peak(schedule):
    rates = [schedule(at) for at in np.linspace(0, 1, 1001)]
    assert min(rates) >= 0 and max(rates) == 1
    # NumPy's float64 would make the steps of a float32 network float64, and slower.
    assert {type(rate) for rate in map(schedule, (0.0, 0.3, 1.0))} == {float}


@pytest.mark.parametrize("warm_up", [0, 1, -0.2, float("nan")])
def test_triangular_refuses_a_warm_up_that_leaves_no_room(warm_up):
    with pytest.raises(ValueError, match="warm_up must be between 0 and 1"):
        triangular(0.5, warm_up)


@pytest.mark.parametrize("decay", [-0.1, np.inf, float("nan")])
@pytest.mark.parametrize("optimizer", [SGD, Adam])
def test_weights_do_not_decay_upward(optimizer, decay):
    with pytest.raises(ValueError, match="weight_decay must be from 0 to below inf"):
        optimizer(weight_decay=decay)


@pytest.mark.parametrize("share", [-0.1, 1, float("nan")])
def test_optimizers_refuse_what_is_no_share_of_the_past(share):
    for make, name in ((SGD, "momentum"), (Adam, "beta_1"), (Adam, "beta_2")):
        with pytest.raises(ValueError, match=f"{name} must be from 0 to below 1"):
            make(**{name: share})


def test_the_learning_rate_is_no_share_of_the_past():
    with pytest.raises(TypeError, match="positional"):
        Adam(0.001)
