def uninstall_hook(env):
    """Leave the cycles, product groups and subscriptions behind in a state that 'subscription_oca' can work with."""
    env["sale.subscription"]._leave_to_subscription_oca()
    env["ir.model.data"].search(
        [
            ("module", "=", "bfocused_billing"),
            ("model", "in", ["sale.subscription.template", "product.category"]),
        ]
    ).unlink()
