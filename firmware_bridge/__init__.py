"""Bytes on a serial line to quality-flagged readings, and back."""
