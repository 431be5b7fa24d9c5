from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

from poolhouse._core.extras import needing
from poolhouse.errors import ExtraMissingError


def test_what_is_not_installed_names_its_extra():
    told = r"needs nowhere, .* Run: pip install 'poolhouse\[far\]'"
    with pytest.raises(ExtraMissingError, match=told) as raised, needing("nowhere", extra="far"):
        import nowhere.at.all  # noqa: F401
    assert (raised.value.name, raised.value.extra) == ("nowhere", "far")


def test_it_is_an_import_error_that_survives_pickling():
    error = pickle.loads(pickle.dumps(ExtraMissingError("nowhere", "far")))
    assert isinstance(error, ImportError)
    assert (error.name, error.extra, str(error)) == ("nowhere", "far", str(ExtraMissingError("nowhere", "far")))


def test_another_module_that_is_missing_is_not_the_extras():
    with pytest.raises(ModuleNotFoundError, match="elsewhere"), needing("nowhere", extra="far"):
        import elsewhere  # noqa: F401


@pytest.mark.parametrize(
    ("part", "missing", "extra"),
    [
        ("poolhouse.integrations.fastapi", "fastapi", "fastapi"),
        ("poolhouse.integrations.uvicorn", "uvicorn", "fastapi"),
        ("poolhouse.integrations.opentelemetry", "opentelemetry", "otel"),
        ("poolhouse.integrations.prometheus", "prometheus_client", "prometheus"),
        ("poolhouse.cli.scaffold.wiring", "libcst", "scaffold"),
        ("poolhouse.cli.scaffold.contracts", "tomlkit", "scaffold"),
    ],
)
def test_an_optional_part_names_its_extra(part, missing, extra):
    code = f"import sys; sys.modules['{missing}'] = None; import {part}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert f"pip install 'poolhouse[{extra}]'" in done.stderr
