import { registry } from "@web/core/registry";

registry.category("web_tour.tours").add("bfocused_payt_test_connection", {
    steps: () => [
        { trigger: "button[name=action_test_connection]", run: "click" },
        { trigger: ".modal:contains(doesn't take the fixed token)" },
        { trigger: ".modal-footer .btn-primary", run: "click" },
        { trigger: "body:not(:has(.modal)) [name=access_token] input", run: "edit sandbox-static-token" },
        { trigger: "button[name=action_test_connection]", run: "click" },
        { trigger: ".o_notification:contains(Connected with B/Focused ICT Services)" },
        { trigger: "[name=administration_name]:contains(B/Focused ICT Services)" },
        { trigger: "button[name=action_pause]", run: "click" },
        { trigger: ".alert:contains(Paused: nothing goes to PAYT)" },
        { trigger: "button[name=action_resume]", run: "click" },
        { trigger: "button[name=action_pause]" },
    ],
});

registry.category("web_tour.tours").add("bfocused_payt_try_again", {
    steps: () => [
        { trigger: ".o_data_row:contains(Tour Refused):contains(No such street)" },
        { trigger: ".o_data_row button[name=action_try_again]", run: "click" },
        { trigger: ".o_view_nocontent:contains(PAYT took everything)" },
    ],
});

registry.category("web_tour.tours").add("bfocused_payt_send_invoice", {
    steps: () => [
        { trigger: "button[name=action_invoice_sent]", run: "click" },
        { trigger: ".modal [name=sending_method_checkboxes] .o-checkbox:has(input:checked):contains(by PAYT)" },
        { trigger: ".modal button[name=action_send_and_print]", run: "click" },
        { trigger: "body:not(:has(.modal)) .nav-link[name=payt]", run: "click" },
        { trigger: ".o_field_widget[name=payt_state]:contains(On its way)" },
    ],
});

registry.category("web_tour.tours").add("bfocused_payt_try_invoice_again", {
    steps: () => [
        { trigger: ".o_data_row:contains(Tour Refused Invoice):contains(Debtor is blocked)" },
        { trigger: ".o_data_row:contains(Tour Refused Invoice) button[name=action_payt_retry]", run: "click" },
        { trigger: ".o_list_view:not(:has(.o_data_row:contains(Tour Refused Invoice)))" },
    ],
});

registry.category("web_tour.tours").add("bfocused_payt_timeline", {
    steps: () => [
        { trigger: ".nav-link[name=payt]", run: "click" },
        { trigger: ".o_field_widget[name=payt_state]:contains(Bailiff)" },
        { trigger: "[name=payt_event_ids] .o_data_row:contains(First reminder)" },
        { trigger: "[name=payt_event_ids] .o_data_row:first:contains(bailiff)" },
    ],
});

registry.category("web_tour.tours").add("bfocused_payt_customer", {
    steps: () => [
        { trigger: "button[name=action_open_payt_credit_cases]", run: "click" },
        { trigger: ".o_form_view:contains(2.50), .o_data_row:contains(2.50)" },
    ],
});

registry.category("web_tour.tours").add("bfocused_payt_mend", {
    steps: () => [
        { trigger: ".o_data_row:contains(121.00):contains(0.00)" },
        { trigger: ".o_data_row button[name=action_pull]", run: "click" },
        { trigger: ".o_notification, .o_view_nocontent, .o_data_row:not(:has(button[name=action_pull]:disabled))" },
    ],
});

registry.category("web_tour.tours").add("bfocused_payt_health", {
    steps: () => [
        { trigger: ".o_data_row:contains(Comparison):contains(0 differences)" },
        { trigger: ".o_data_row:contains(Outbox)" },
    ],
});
