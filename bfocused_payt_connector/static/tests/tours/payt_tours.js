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
