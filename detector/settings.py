"""The few things a site may say to the detector."""

from __future__ import annotations

from pydantic import Field

from smokesentry.settings import Section


class DetectorSettings(Section):
    """What a gateway's configuration may set for one camera. Everything has a measured default."""

    alarm_threshold: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="Plume score (mean heat at the origin over 16 s) at which an event opens; none: the model's own.",
    )
    heading_deg: float | None = Field(
        default=None, ge=0, lt=360, description="Where the camera looks, from true north: tells drift with the wind."
    )
    chimneys_px: tuple[tuple[float, float], ...] = Field(
        default=(),
        description="Known chimney mouths in pixels of the frame as pushed; a plume at one needs a lower score.",
    )
