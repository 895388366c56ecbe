"""The smallest parts of messages: names, numbers, texts and times with their limits (WIRE version 1)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

Lane = Literal["detection", "health", "evidence", "telemetry"]
Name = Annotated[str, Meta(pattern="^[a-z0-9-]{1,40}$")]
SpoolId = Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
Seq = Annotated[int, Meta(ge=1, le=2**53)]
Text = Annotated[str, Meta(max_length=400)]
ShortText = Annotated[str, Meta(max_length=80)]
UtcTime = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]
Digest = Annotated[str, Meta(pattern="^sha256:[0-9a-f]{64}$")]
Share = Annotated[float, Meta(ge=0, le=1)]
NotNegative = Annotated[float, Meta(ge=0)]
FrameWidth = Annotated[int, Meta(ge=16, le=16384)]
Verdict = Literal["suspected", "not_suspected", "cannot_judge"]
