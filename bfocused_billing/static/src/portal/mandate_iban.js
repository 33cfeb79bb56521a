import { rpc } from "@web/core/network/rpc";
import { registry } from "@web/core/registry";
import { Interaction } from "@web/public/interaction";

/**
 * Tells a customer at once whether an IBAN is right, and of which bank it is.
 * The server checks it again: without this script the form works all the same.
 */
export class MandateIban extends Interaction {
    static selector = ".o_mandate_form";
    dynamicContent = {
        "input[name='iban']": { "t-on-change": this.onChange },
    };

    async onChange(ev) {
        const input = ev.currentTarget;
        if (!input.value.trim()) {
            return this.show(input, {});
        }
        const answer = await this.waitFor(rpc(this.el.dataset.checkUrl, { iban: input.value }));
        this.protectSyncAfterAsync(() => this.show(input, answer))();
    }

    show(input, { error, iban, bank_name }) {
        if (iban) {
            input.value = iban;
        }
        input.classList.toggle("is-invalid", Boolean(error));
        input.classList.toggle("is-valid", Boolean(iban));
        this.el.querySelector(".o_mandate_iban_error").textContent = error || "";
        this.el.querySelector(".o_mandate_bank").textContent = bank_name || "";
    }
}

registry.category("public.interactions").add("bfocused_billing.mandate_iban", MandateIban);
