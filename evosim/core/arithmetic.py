"""Products of matrices and exponentials with the same bits on every machine.

What the linear algebra and the mathematical library of a machine give is free in its last bits:
it hangs on the processor and on the number of threads. Whoever learns draws by such numbers, and
one other draw is another life. These sum in order, and use IEEE operations only.
"""

from __future__ import annotations

import numpy as np

from evosim.core.jit import allocating
from evosim.core.plan import exp_of_negative


@allocating
def product(a, b):
    """a @ b, [n, m] of [n, k] and [k, m]. Zeros of a are passed over: what is seen is mostly 0."""
    out = np.zeros((a.shape[0], b.shape[1]))
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            x = np.float64(a[i, k])
            if x != 0.0:
                for j in range(b.shape[1]):
                    out[i, j] += x * b[k, j]
    return out


@allocating
def exponentials(x):
    """exp(x) of each x <= 0 [n, k]; 0 below -104."""
    out = np.empty_like(x)
    for i in range(x.shape[0]):
        for k in range(x.shape[1]):
            out[i, k] = exp_of_negative(x[i, k])
    return out
