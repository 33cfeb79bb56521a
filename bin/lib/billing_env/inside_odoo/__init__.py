"""What runs with the virtual environment's Python, where ``odoo`` can be imported."""
