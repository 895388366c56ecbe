"""Trains the small network with TensorFlow on what ``make-data`` kept, and converts it to TFLite. CPU, one seed,
minutes."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from detector.maps import CONTRACT, FIGURES, MAPS
from lab.evaluate import auc
from lab.make_data import ARRAYS
from lab.targets import COLUMNS, ROWS

CHANNELS = 24
_AVERAGE_EVERY, _AVERAGE_STEPS = 10, 800
CROP = (64, 96)  # rows and columns of maps in a training crop
_STEAM_COUNTS = 2.0  # by how much more a steam plume's cells count as places where no smoke begins


def network(rows: int | None, columns: int | None, tf: Any, dilated: Any = None) -> Any:
    """Dilated, fully convolutional: maps at half the working size in, heat at a quarter of it out.

    Whole convolutions rather than separable ones: on a processor they train faster for what they cost to run.
    ``dilated`` is the layer class of the dilated ones; none: Keras's own, which can be trained.
    """
    k = tf.keras.layers
    dilated = dilated or k.Conv2D
    maps = tf.keras.Input((rows, columns, len(MAPS)))
    figures = tf.keras.Input((len(FIGURES),))
    x = k.DepthwiseConv2D(1, name="scale")(maps)  # begins as each map's own mean and deviation, see `train`
    x = k.Conv2D(32, 3, strides=2, padding="same", activation="relu")(x)
    x = k.Conv2D(CHANNELS, 1)(x)
    context = k.Dense(24, activation="relu")(k.Rescaling(4.0, -2.0)(figures))
    x = k.Add()([x, k.Reshape((1, 1, CHANNELS))(k.Dense(CHANNELS)(context))])
    for dilation in (1, 2, 4, 8, 1):
        y = k.Activation("relu")(x)
        x = k.Add()([x, dilated(CHANNELS, 3, dilation_rate=dilation, padding="same")(y)])
    x = k.Activation("relu")(x)
    x = k.Conv2D(CHANNELS, 1, activation="relu")(x)
    heat = k.Conv2D(3, 1, activation="sigmoid", bias_initializer=tf.keras.initializers.Constant(-3.5))(x)
    return tf.keras.Model([maps, figures], heat)


Moments = list[tuple[np.ndarray, ...]]  # one entry a part: maps, figures, target, weight, uint8, left on disk


def load(folders: list[Path]) -> Moments:
    """The parts of some folders that ``make-data`` wrote. Raises ValueError for a folder without any."""
    parts: Moments = []
    for folder in folders:
        names = sorted(folder.glob(f"part*_{ARRAYS[0]}.npy"))
        if not names:
            raise ValueError(f"{folder}: no parts there; make them with `smokesentry lab make-data --out {folder}`")
        for name in names:
            stem = name.name.removesuffix(f"_{ARRAYS[0]}.npy")
            parts.append(tuple(np.load(folder / f"{stem}_{array}.npy", mmap_mode="r") for array in ARRAYS))
    return parts


def batches(parts: Moments, size: int, rng: np.random.Generator) -> Any:
    """Endless random crops, mirrored left to right at random; most of them around something."""
    right = MAPS.index("right")
    ends = np.cumsum([len(part[0]) for part in parts])
    ch, cw = CROP
    while True:
        x = np.empty((size, ch, cw, len(MAPS)), np.float32)
        f = np.empty((size, len(FIGURES)), np.float32)
        y, w = np.empty((size, ch // 2, cw // 2, 3), np.float32), np.empty((size, ch // 2, cw // 2, 3), np.float32)
        for i in range(size):
            n = int(rng.integers(ends[-1]))
            k = int(np.searchsorted(ends, n, side="right"))
            maps, figures, target, weight = (array[n - ends[k]] for array in parts[k])
            rows, columns = (maps.shape[0] - ch) // 2, (maps.shape[1] - cw) // 2
            r, c = int(rng.integers(0, rows + 1)), int(rng.integers(0, columns + 1))
            marks = np.argwhere(target[:, :, 0] > 200)
            if len(marks) and rng.random() < 0.7:
                my, mx = marks[int(rng.integers(len(marks)))]
                r = int(np.clip(my - rng.integers(0, ch // 2), 0, rows))
                c = int(np.clip(mx - rng.integers(0, cw // 2), 0, columns))
            a = maps[2 * r : 2 * r + ch, 2 * c : 2 * c + cw].astype(np.float32) / 255
            b, d = target[r : r + ch // 2, c : c + cw // 2], weight[r : r + ch // 2, c : c + cw // 2]
            if rng.random() < 0.5:
                a, b, d = a[:, ::-1].copy(), b[:, ::-1], d[:, ::-1]
                a[:, :, right] = 1 - a[:, :, right]
            x[i], f[i], y[i], w[i] = a, figures / 255, b / 255, d / 32
            w[i, :, :, 0] *= 1 + _STEAM_COUNTS * (y[i, :, :, 2] > 0.5)
        yield (x, f), y, w


def moment_auc(model: Any, parts: Moments) -> float:
    """How well single moments part: the highest origin heat at visible smoke against that of moments without any."""
    smoky, clean = [], []
    for maps, figures, target, _ in parts:
        heat = model.predict_on_batch([maps.astype(np.float32) / 255, figures.astype(np.float32) / 255])[..., 0]
        marked = target[..., 0] > 100
        for picture, mark, areas in zip(heat, marked, target, strict=True):
            if mark.any():
                smoky.append(float(picture[mark].max()))
            elif not areas.any():
                clean.append(float(picture.max()))
    return auc(smoky, clean)


def train(
    folders: list[Path], steps: int, seed: int, start: Path | None = None, check: Path | None = None, threads: int = 2
) -> Any:
    """Trains and returns the Keras model (any size): the running mean of the weights, which is calmer than the last."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.keras.utils.set_random_seed(seed)
    parts, rng = load(folders), np.random.default_rng(seed)
    unseen = load([check]) if check is not None else []
    smoky = float(np.mean([(part[2][..., 0] > 200).any((1, 2)).mean() for part in parts]))
    print(f"{sum(len(part[0]) for part in parts)} moments, {smoky:.2f} with visible smoke", file=sys.stderr)
    model = network(CROP[0], CROP[1], tf)
    sample = np.concatenate([part[0][::25, ::3, ::3] for part in parts]).astype(np.float32) / 255
    mean, deviation = sample.mean((0, 1, 2)), sample.std((0, 1, 2)) + 0.01
    model.get_layer("scale").set_weights([(1 / deviation)[None, None, :, None], -mean / deviation])
    if start is not None:
        model.load_weights(start)
    schedule = tf.keras.optimizers.schedules.CosineDecay(2e-3, steps, alpha=0.02)
    optimiser = tf.keras.optimizers.AdamW(schedule, weight_decay=1e-4)
    importance = tf.constant([1.0, 0.3, 0.3])

    def step(x: Any, f: Any, y: Any, w: Any) -> Any:
        with tf.GradientTape() as tape:
            p = tf.clip_by_value(model([x, f], training=True), 1e-5, 1 - 1e-5)
            # Focal: the many easy cells must not drown the few hard ones.
            loss = -(y * tf.pow(1 - p, 1.5) * tf.math.log(p) + (1 - y) * tf.pow(p, 1.5) * tf.math.log(1 - p))
            total = tf.reduce_mean(tf.reduce_sum(loss * w * importance, [1, 2, 3])) / 20
        grads = tape.gradient(total, model.trainable_variables)
        grads, _ = tf.clip_by_global_norm(grads, 3.0)
        optimiser.apply_gradients(zip(grads, model.trainable_variables, strict=True))
        return total

    step = tf.function(step)
    average = tf.keras.models.clone_model(model)
    average.set_weights(model.get_weights())
    source, started, mean = batches(parts, 16, rng), time.monotonic(), 0.0
    for number in range(1, steps + 1):
        (x, f), y, w = next(source)
        mean += float(step(x, f, y, w))
        if number % _AVERAGE_EVERY == 0:
            share = min(_AVERAGE_EVERY / _AVERAGE_STEPS, 2 * _AVERAGE_EVERY / number)
            for kept, new in zip(average.weights, model.weights, strict=True):
                kept.assign_add(share * (new - kept))
        if number % 200 == 0:
            told = f"seed {seed} step {number}/{steps} loss {mean / 200:.4f} {time.monotonic() - started:.0f} s"
            if unseen and (number % 1000 == 0 or number == steps):
                told += f", moments parted at {moment_auc(_whole(average, tf), unseen):.4f}"
            print(told, file=sys.stderr, flush=True)
            mean = 0.0
    return average


def train_members(
    folders: list[Path], steps: int, seeds: Sequence[int], keep: Path | None = None, check: Path | None = None
) -> tuple[list[Any], list[str]]:
    """One training a seed, side by side, each in a process of its own with its share of the processor: on two cores
    that takes less time than one after the other on both.

    With ``keep`` each goes on from what an earlier round left in that folder, if any did, and leaves its own. Returns
    the models and the rounds they went through.
    """
    threads = max(1, (os.cpu_count() or 1) // len(seeds))
    kept = [None if keep is None else keep / f"member-{seed}.weights.h5" for seed in seeds]
    starts = [path if path is not None and path.exists() else None for path in kept]
    jobs = [(folders, steps, seed, start, check, threads) for seed, start in zip(seeds, starts, strict=True)]
    with get_context("spawn").Pool(len(seeds)) as pool:
        trained = pool.starmap(_weights_of, jobs, chunksize=1)
    import tensorflow as tf

    models = [network(*CROP, tf) for _ in seeds]
    for model, weights in zip(models, trained, strict=True):
        model.set_weights(weights)
    rounds = [f"{steps} steps over {', '.join(folder.name for folder in folders)}"]
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        log = keep / "rounds.json"
        if any(starts):
            rounds = [*json.loads(log.read_text(encoding="utf-8")), *rounds]
        log.write_text(json.dumps(rounds) + "\n", encoding="utf-8")
        for model, path in zip(models, kept, strict=True):
            model.save_weights(path)
    return models, rounds


def _weights_of(
    folders: list[Path], steps: int, seed: int, start: Path | None, check: Path | None, threads: int
) -> list[np.ndarray]:
    weights: list[np.ndarray] = train(folders, steps, seed, start, check, threads).get_weights()
    return weights


def _whole(model: Any, tf: Any) -> Any:
    """The same network for the detector's whole picture, to be run, not trained."""

    class Dilated(tf.keras.layers.Conv2D):  # type: ignore[misc]
        """One operation instead of Keras's three, which deal the picture out into a batch and gather it again: the
        runtime's fast kernels know the one and not the others. TensorFlow cannot train it on a processor."""

        def convolution_op(self, inputs: Any, kernel: Any) -> Any:
            return tf.nn.conv2d(inputs, kernel, strides=1, padding="SAME", dilations=self.dilation_rate)

    fixed = network(2 * ROWS, 2 * COLUMNS, tf, Dilated)
    fixed.set_weights(model.get_weights())
    return fixed


def joined(models: Sequence[Any], tf: Any) -> Any:
    """Several trainings as one network for the detector's whole picture: the mean of their logits. What one of them
    imagines alone counts for less, and it still has one last layer."""
    wholes = [_whole(model, tf) for model in models]
    if len(wholes) == 1:
        return wholes[0]
    k = tf.keras.layers
    maps, figures = tf.keras.Input((2 * ROWS, 2 * COLUMNS, len(MAPS))), tf.keras.Input((len(FIGURES),))
    bodies = [tf.keras.Model(whole.inputs, whole.layers[-1].input)([maps, figures]) for whole in wholes]
    head = k.Conv2D(3, 1, activation="sigmoid")
    both = tf.keras.Model([maps, figures], head(k.Concatenate()(bodies)))
    kernels, biases = zip(*(whole.layers[-1].get_weights() for whole in wholes), strict=True)
    head.set_weights([np.concatenate(kernels, axis=2) / len(wholes), np.mean(biases, axis=0)])
    return both


UNCALIBRATED = {"alarm_threshold": 0.6, "slope": 1.0, "intercept": 0.0}  # until `evaluate --calibrate` has measured


def convert(models: Sequence[Any], tf: Any) -> bytes:
    """The mean of some trainings as a TFLite file for one picture of the detector's size.

    The weights of all but the small layers are kept in 8 bits, with a scale for each output channel; what comes in,
    goes out and lies between the layers stays float (docs/decisions/0023). The last layer is small, so
    :mod:`lab.last_layer` can still replace it.
    """
    whole = joined(models, tf)
    # One picture, said beforehand: a size that is found out at run time splits the graph.
    maps = tf.TensorSpec((1, 2 * ROWS, 2 * COLUMNS, len(MAPS)), name="maps")
    figures = tf.TensorSpec((1, len(FIGURES)), name="figures")
    graph = tf.function(lambda maps, figures: whole([maps, figures])).get_concrete_function(maps, figures)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([graph])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    file: bytes = converter.convert()
    return file


def export(models: Sequence[Any], folder: Path, name: str, note: dict[str, Any]) -> None:
    """Writes ``NAME.tflite``, the mean of some trainings (:func:`convert`), and the manifest that binds it."""
    import tensorflow as tf

    weights = convert(models, tf)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.tflite"):
        old.unlink()
    (folder / f"{name}.tflite").write_bytes(weights)
    manifest = {
        "name": name,
        "file": f"{name}.tflite",
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "contract": CONTRACT,
        "parameters": sum(int(model.count_params()) for model in models),
        "calibration": UNCALIBRATED,
        "training": note,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
