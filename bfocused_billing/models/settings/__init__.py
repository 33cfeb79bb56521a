from . import (
    res_company,
    res_company_deferral,
    res_config_settings,
    res_company_usage,
    res_company_arrangement,
)
