"""Camera frames in, plume detections out: with place, time, class and confidence, and a verdict at all times."""
