from . import base_partner_merge, payt_block, payt_go_live, payt_go_live_line
