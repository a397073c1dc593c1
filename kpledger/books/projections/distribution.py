"""Exact distribution of a whole number over weights: no thousandth is lost, none is made."""

from collections.abc import Sequence


def distribute(amount: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Divide an amount in proportion to weights, by largest remainders.

    The parts sum to the amount exactly, each lies within one unit of its exact share, and they are
    the weights themselves where the amount is their sum. Of equal remainders, the earlier one is
    rounded up. Weights are not negative, and not all zero.
    """
    whole = sum(weights)
    if amount == whole:
        return tuple(weights)
    parts = [amount * weight // whole for weight in weights]
    missing = amount - sum(parts)
    by_remainder = sorted(range(len(weights)), key=lambda n: -(amount * weights[n] % whole))
    for position in by_remainder[:missing]:
        parts[position] += 1
    return tuple(parts)
