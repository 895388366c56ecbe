"""What the cloud makes of detections: alerts, each one burning event."""
