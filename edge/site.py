"""What a person may tell a replay about the site where the material was recorded; every part is optional."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PlainValidator, model_validator

from edge.settings import Name, Point, Polygon, named_pose, read_pose
from smokesentry.place import CameraPose
from smokesentry.settings import Section
from smokesentry.weather import Weather


class WeatherSection(Section):
    """The weather of the recording, as far as it is known."""

    temp_c: Annotated[float, Field(ge=-60, le=60)] | None = None
    rh_percent: Annotated[float, Field(ge=0, le=100)] | None = None
    wind_speed_m_s: Annotated[float, Field(ge=0, le=100)] | None = None
    wind_from_deg: Annotated[float, Field(ge=0, le=360)] | None = None

    def weather(self) -> Weather:
        """As the detector and the fusion take it."""
        return Weather(self.temp_c, self.rh_percent, self.wind_speed_m_s, self.wind_from_deg)


class Site(Section):
    """The site file of ``smokesentry replay --site``. Pixels are those of the recorded frames."""

    camera: Name = "replay"
    pose: Annotated[CameraPose | None, PlainValidator(read_pose)] = None
    chimneys_px: list[Point] = Field(default_factory=list, max_length=500)
    masks: list[Polygon] = Field(default_factory=list, max_length=32)
    weather: WeatherSection = Field(default_factory=WeatherSection)

    _name_the_pose = model_validator(mode="before")(lambda data: named_pose(data, "camera"))
