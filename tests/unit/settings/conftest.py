"""Settings made of nothing but what a test says."""

from __future__ import annotations

import os
import traceback

import pytest
from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import SettingsConfigDict

from poolhouse.errors import SettingsError
from poolhouse.settings import ApplicationSettings

PASSWORD = "c4n4ry"
DSN = f"postgresql://shop:{PASSWORD}@db.example/shop"


class Http(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    port: int = 8000


class Shop(ApplicationSettings):
    model_config = SettingsConfigDict(env_prefix="APP_")
    http: Http = Http()
    metrics: Http | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    tags: list[str] = Field(default_factory=list)
    zone: str = Field(default="UTC", validation_alias="APP_TIMEZONE")


def everything(error, *, frames=False):
    """All that a log, a debugger or a crash report could show of an error: its context, and perhaps variables."""
    texts, seen = [], error
    while seen is not None:
        texts += [str(seen), repr(seen), repr(seen.args), *getattr(seen, "__notes__", [])]
        texts += traceback.TracebackException.from_exception(seen, capture_locals=frames).format()
        seen = seen.__cause__ or seen.__context__
    return "".join(texts)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The working directory, in which there is no file yet, with no variable of the application's."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.upper().startswith("APP_"):
            monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def write(folder):
    """Write a file, with the folder that it is in."""

    def write(name, text):
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        return file

    return write


@pytest.fixture
def shop(monkeypatch):
    """Build the settings from these variables."""

    def build(*, arguments=None, kind=Shop, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return kind(**(arguments or {}))

    return build


@pytest.fixture
def faults(shop):
    """Build settings that must fail, and return what is said, by name."""

    def build(**environment):
        with pytest.raises(SettingsError) as caught:
            shop(**environment)
        own = caught.value.__traceback__.tb_next.tb_next
        assert own.tb_frame.f_code.co_name == "__init__"
        assert PASSWORD not in everything(caught.value.with_traceback(own), frames=True)
        return {fault.name: fault for fault in caught.value.violations}

    return build
