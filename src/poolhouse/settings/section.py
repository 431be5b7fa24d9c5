"""What every part of an application's settings is."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(gt=0, le=86_400)]


class SettingsSection(BaseModel):
    """Base of a section of the settings: immutable, unknown names refused, values never shown in an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True)
