"""How a pixel scatters about where it is expected: Student's t, for poses are worse than installers believe. Pure."""

from __future__ import annotations

from math import lgamma, log, pi

import numpy as np

from cloud_ingest.geotag.projection import Array

FREEDOM = 4.0


def log_density(squared: Array | float, log_determinant: Array | float, dimensions: int = 2) -> Array:
    """Log density (per square pixel in two dimensions) at a squared Mahalanobis distance from the middle, and the
    logarithm of the covariance's determinant."""
    constant = lgamma((FREEDOM + dimensions) / 2) - lgamma(FREEDOM / 2) - dimensions / 2 * log(FREEDOM * pi)
    tail = (FREEDOM + dimensions) / 2 * np.log1p(np.asarray(squared) / FREEDOM)
    return np.asarray(constant - 0.5 * np.asarray(log_determinant) - tail)
