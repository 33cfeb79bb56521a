from . import (
    payt_secret_mixin,
    payt_backend,
    payt_backend_moving,
    payt_backend_client,
    payt_token,
    payt_throttle,
    res_company,
    res_company_sending,
    res_config_settings,
    res_config_settings_sending,
    payt_backend_people,
    res_company_dunning,
)
