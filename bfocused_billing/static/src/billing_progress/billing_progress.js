import { onWillUnmount, useEffect } from "@odoo/owl";

import { ProgressBarField, progressBarField } from "@web/views/fields/progress_bar/progress_bar_field";
import { registry } from "@web/core/registry";

const POLL_MS = 3000;

/** Progress bar of a billing run, which reads the run again for as long as it is being worked on. */
export class BillingProgressField extends ProgressBarField {
    setup() {
        super.setup();
        useEffect(
            (isWorking) => {
                if (isWorking) {
                    this.timer = setInterval(() => this.poll(), POLL_MS);
                }
                return () => clearInterval(this.timer);
            },
            () => [this.props.record.data.is_working]
        );
        onWillUnmount(() => clearInterval(this.timer));
    }

    async poll() {
        if (!this.isPolling && !(await this.props.record.isDirty())) {
            this.isPolling = true;
            try {
                await this.props.record.load();
            } finally {
                this.isPolling = false;
            }
        }
    }
}

registry.category("fields").add("bfocused_billing_progress", {
    ...progressBarField,
    component: BillingProgressField,
    fieldDependencies: [{ name: "is_working", type: "boolean" }],
});
