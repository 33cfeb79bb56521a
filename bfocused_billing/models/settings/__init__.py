"""Settings of billing per company."""

from . import (
    res_company,
    res_config_settings,
)
