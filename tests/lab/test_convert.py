"""The file that the detector runs against the trainings it was made of. Needs the training environment."""

from __future__ import annotations

import numpy as np
import pytest

from detector.maps import FIGURES, MAPS
from lab.last_layer import Backbone
from lab.targets import COLUMNS, ROWS
from lab.train import CROP, convert, joined, network

tf = pytest.importorskip(
    "tensorflow", reason="TensorFlow is in the training environment only (lab/requirements-train.txt)"
)


def test_the_file_answers_as_the_mean_of_its_trainings() -> None:
    rng = np.random.default_rng(5)
    tf.keras.utils.set_random_seed(5)
    models = [network(*CROP, tf) for _ in range(2)]
    for model in models:  # all of the range of answers, not the rare heat that a network begins with
        kernel, bias = model.layers[-1].get_weights()
        model.layers[-1].set_weights([3 * kernel, rng.normal(0, 0.3, bias.shape)])
    backbone = Backbone(convert(models, tf))
    last = backbone.last
    assert last.weights.shape == (3, 48)  # float, so that a town's labels can replace it
    # As flat as maps are: blocks with a little noise.
    maps = rng.random((ROWS // 5, COLUMNS // 5, len(MAPS)), np.float32).repeat(10, 0).repeat(10, 1)
    maps = np.clip(maps + rng.normal(0, 0.02, maps.shape).astype(np.float32), 0, 1)
    figures = rng.random(len(FIGURES), np.float32)
    wanted = joined(models, tf).predict_on_batch([maps[None], figures[None]])[0]
    told = 1 / (1 + np.exp(-(backbone(maps, figures) @ last.weights.T + last.bias)))
    assert np.ptp(wanted) > 0.4
    assert np.abs(told - wanted).max() < 0.03
    operations = {op["op_name"] for op in backbone._runner._get_ops_details()}
    assert not operations & {"SPACE_TO_BATCH_ND", "SHAPE"}  # the runtime's fast kernels do not know them
