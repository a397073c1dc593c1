"""Shares: an integer total divided so that the parts add up to it exactly."""

from collections.abc import Sequence


def divide(total: int, weights: Sequence[int], *, least: int = 0) -> list[int]:
    """Divide a total in proportion to weights, each part at least ``least``.

    The method of the largest remainder, after ``least`` has been given to each; among equal
    remainders the earlier part gains.

    Raises:
        ValueError: there is nothing to divide among, or not enough for the least of each.
    """
    spare = total - least * len(weights)
    weight_total = sum(weights)
    if spare < 0 or weight_total <= 0:
        raise ValueError(f"{total} cannot be divided into {len(weights)} parts of {least} or more")
    quotas = [divmod(spare * weight, weight_total) for weight in weights]
    parts = [least + whole for whole, _ in quotas]
    missing = total - sum(parts)
    for index in sorted(range(len(quotas)), key=lambda i: -quotas[i][1])[:missing]:
        parts[index] += 1
    return parts
