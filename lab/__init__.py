"""What needs simulator, detector and the whole system at once: training, judging, benchmarks and the demo."""
