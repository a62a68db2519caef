"""A small network with its gradient, and the optimizer that follows it."""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import NDArray

from evosim.core.arithmetic import exponentials, product

Floats = NDArray[np.floating]


class Network:
    """One hidden layer of tanh, all of its parameters in one vector.

    Args:
        inputs, hidden, outputs: sizes.

    >>> net = Network(2, 3, 1)
    >>> theta = net.initial(np.random.default_rng(0))
    >>> net.outputs_of(theta, np.zeros((5, 2)))[0].shape
    (5, 1)
    """

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        self.shapes = ((inputs, hidden), (hidden,), (hidden, outputs), (outputs,))
        ends = np.cumsum([prod(shape) for shape in self.shapes]).tolist()
        self.places = [slice(*place) for place in zip([0, *ends], ends, strict=False)]
        self.size = ends[-1]

    def initial(self, rng: np.random.Generator, last: float = 0.01) -> Floats:
        """Parameters before anything is learnt; ``last`` scales the outputs."""
        into, _, out, _ = self.shapes
        first, second = (
            rng.uniform(-1.0, 1.0, size=shape) * np.sqrt(3.0 / shape[0]) for shape in (into, out)
        )
        second *= last
        parts = (first, np.zeros(into[1]), second, np.zeros(out[1]))
        return np.concatenate([part.ravel() for part in parts])

    def parts(self, theta: Floats) -> list[Floats]:
        """Weights and biases of both layers, as views of the vector."""
        places = zip(self.places, self.shapes, strict=True)
        return [theta[place].reshape(shape) for place, shape in places]

    def outputs_of(self, theta: Floats, inputs: Floats) -> tuple[Floats, Floats]:
        """Outputs [B, outputs] and the hidden layer [B, hidden] of inputs [B, inputs]."""
        into, bias, out, last = self.parts(theta)
        hidden = tanh(product(inputs, into) + bias)
        return product(hidden, out) + last, hidden

    def gradient(self, theta: Floats, inputs: Floats, hidden: Floats, by_output: Floats) -> Floats:
        """The gradient by the parameters of what has the gradient ``by_output`` by the outputs."""
        out = self.parts(theta)[2]
        back = product(by_output, out.T) * (1.0 - hidden**2)
        parts = (
            product(inputs.T, back), back.sum(0), product(hidden.T, by_output), by_output.sum(0)
        )  # fmt: skip
        return np.concatenate([part.ravel() for part in parts])


class Adam:
    """Descent by running moments of the gradient (Kingma & Ba 2015)."""

    def __init__(self, size: int, rate: float) -> None:
        self.rate = rate
        self.mean, self.square = np.zeros(size), np.zeros(size)
        # How much of each moment is still the zeros that it began with: a product, as a power is
        # free in its last bit.
        self.begun = np.ones(2)

    def step(self, theta: Floats, gradient: Floats) -> Floats:
        """Parameters after one step down the gradient."""
        self.mean = 0.9 * self.mean + 0.1 * gradient
        self.square = 0.999 * self.square + 0.001 * gradient**2
        self.begun = self.begun * (0.9, 0.999)
        mean, square = self.mean / (1.0 - self.begun[0]), self.square / (1.0 - self.begun[1])
        return theta - self.rate * mean / (np.sqrt(square) + 1e-8)


def tanh(x: Floats) -> Floats:
    """The hyperbolic tangent, the same bits everywhere."""
    small = exponentials(-2.0 * np.abs(x))
    return np.copysign((1.0 - small) / (1.0 + small), x)


def log_softmax(logits: Floats) -> Floats:
    """Logarithms of the chances that logits [B, A] mean, the same bits everywhere."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    total = exponentials(shifted).sum(axis=1, keepdims=True)
    log = np.zeros_like(total)
    for _ in range(8):  # Halley's iteration; the total is from 1 to A
        now = 1.0 / exponentials(-log)
        log += 2.0 * (total - now) / (total + now)
    return np.asarray(shifted - log)
