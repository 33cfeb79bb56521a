"""The way to PAYT: a company's connection, its tokens and the pace of its requests."""

from . import (
    payt_backend_hooks,
    payt_secret_mixin,
    payt_backend,
    payt_backend_client,
    payt_throttle,
    payt_token,
    res_company,
    res_config_settings,
)
