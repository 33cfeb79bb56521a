"""The environment of B/Focused billing: Odoo 19, PostgreSQL and the databases, from nothing.

Only the standard library is used, since this runs before anything is installed. What runs *inside* Odoo is in
``inside_odoo/`` and is started with the virtual environment's Python.
"""
