def uninstall_hook(env):
    """Leave the cycles and product groups behind: subscriptions and products use them, and stay."""
    env["ir.model.data"].search(
        [
            ("module", "=", "bfocused_billing"),
            ("model", "in", ["sale.subscription.template", "product.category"]),
        ]
    ).unlink()
