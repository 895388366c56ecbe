"""Procedural nights for training and judging the detector: unlike backgrounds, plume engines, look-alikes and cameras.

Everything is drawn at the detector's working size (320×180 grey), from one seed a scene. It shares nothing with
``simulator/``, which stays a judge.
"""
