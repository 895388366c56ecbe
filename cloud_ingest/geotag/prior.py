"""What is known of roofs beside the pictures, brought into a posterior. Pure.

A prior multiplies each roof's likelihood, which the posterior already holds summed over the roof, so that weighing it
afterwards is exact. *Elsewhere* keeps its prior: weights are taken against their mean over all roofs in reach.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import exp, log

from cloud_ingest.geotag.posterior import Posterior

LEAST, MOST = -log(4), log(8)  # all that register, findings, nights and air together may do to one roof


def reweighed(posterior: Posterior, weights: Mapping[int, float], in_reach: int) -> Posterior:
    """The posterior under log weights of some roofs (by number in the town); the other roofs weigh 0.

    ``in_reach``: how many roofs the cameras could have meant at all. Weights are bounded to ``LEAST``..``MOST``.
    """
    factors = {roof: exp(min(max(weight, LEAST), MOST)) for roof, weight in weights.items() if weight}
    if not factors or not posterior.roofs:
        return posterior
    others = max(in_reach - len(factors), 0)
    mean = (others + sum(factors.values())) / (others + len(factors))
    shares = [
        p * factors.get(roof, 1.0) / mean for roof, p in zip(posterior.roofs, posterior.probabilities, strict=True)
    ]
    total = sum(shares) + posterior.elsewhere
    order = sorted(range(len(shares)), key=lambda k: (-shares[k], k))
    return replace(
        posterior,
        roofs=tuple(posterior.roofs[k] for k in order),
        probabilities=tuple(shares[k] / total for k in order),
        places=tuple(posterior.places[k] for k in order),
        elsewhere=posterior.elsewhere / total,
        log_evidence=posterior.log_evidence + log(total),
    )
