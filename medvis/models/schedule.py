"""How a learning rate rises and falls."""

import math


def share(step: int, steps: int, warmup: float) -> float:
    """Return the share of the highest rate at a step: a straight rise, then half a cosine down to 0.

    It depends on nothing but the step, so that a training resumed has it at once.

    Args:
        step: Steps done before this one.
        steps: All of them.
        warmup: Share of the steps in which the rate rises, in [0, 1).
    """
    rising = int(warmup * steps)
    if step < rising:
        return (step + 1) / rising
    return (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising))) / 2
