"""How a pixel scatters about where it is expected: Student's t, for poses are worse than installers believe. Pure."""

from __future__ import annotations

from math import lgamma, log, pi

import numpy as np

from cloud_ingest.geotag.projection import Array

FREEDOM = 4.0
# A pixel's error is a sum of two or three independent ones (angle, origin, place). With four degrees of freedom each,
# half of such sums lie within 1.09 to 1.13 of what one such error of the same variance would give, squared 1.2.
_SUM = 1.2


def log_density(squared: Array | float, log_determinant: Array | float, dimensions: int = 2) -> Array:
    """Log density (per square pixel in two dimensions) at a squared Mahalanobis distance from the middle, and the
    logarithm of the covariance's determinant."""
    constant = lgamma((FREEDOM + dimensions) / 2) - lgamma(FREEDOM / 2) - dimensions / 2 * log(FREEDOM * pi * _SUM)
    tail = (FREEDOM + dimensions) / 2 * np.log1p(np.asarray(squared) / (FREEDOM * _SUM))
    return np.asarray(constant - 0.5 * np.asarray(log_determinant) - tail)
