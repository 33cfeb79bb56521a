import { registry } from "@web/core/registry";

/** Choose a record in a many2one by the name that is typed. */
function choose(field, name) {
    return [
        { trigger: `${field} input`, run: `edit ${name}` },
        { trigger: `.o-autocomplete--dropdown-item:contains(${name})`, run: "click" },
    ];
}

registry.category("web_tour.tours").add("bfocused_billing_subscription_by_hand", {
    steps: () => [
        ...choose("[name=partner_id]", "Tour Customer"),
        ...choose("[name=template_id]", "Quarter"),
        { trigger: "[name=sale_subscription_line_ids] .o_field_x2many_list_row_add a", run: "click" },
        ...choose(".o_selected_row [name=product_id]", "Tour Internet"),
        { trigger: ".o_selected_row [name=price_unit] input:value(120)" },
        { trigger: "button[name=action_start_subscription]", run: "click" },
        { trigger: ".o_arrow_button_current:contains(In progress)" },
        { trigger: "[name=recurring_next_date]" },
    ],
});

registry.category("web_tour.tours").add("bfocused_billing_month_turn", {
    steps: () => [
        { trigger: "button[name=action_preview]", run: "click" },
        { trigger: ".alert:contains(This is a preview)" },
        { trigger: ".o_data_row:contains(Tour Customer):contains(Invoiced)" },
        { trigger: "button[name=action_run]", run: "click" },
        { trigger: ".modal-footer .btn-primary", run: "click" },
        { trigger: ".o_arrow_button_current:contains(Done)" },
        { trigger: ".o_data_row:contains(Tour Customer):contains(INV) button[name=action_open]", run: "click" },
        { trigger: ".o_arrow_button_current:contains(Posted)" },
        { trigger: "[name=invoice_line_ids] .o_data_row:contains(Tour Internet)" },
    ],
});

registry.category("web_tour.tours").add("bfocused_billing_bill_now", {
    steps: () => [
        { trigger: ".o_notebook_headers [name=sales_purchases]", run: "click" },
        { trigger: "[name=unbilled_amount]" },
        { trigger: "button[name=action_bill_now]", run: "click" },
        { trigger: "[name=scope_partner_ids] .o_tag:contains(Tour Customer)" },
        { trigger: ".o_data_row:contains(Tour Customer)" },
        { trigger: "button[name=action_run]", run: "click" },
        { trigger: ".modal-footer .btn-primary", run: "click" },
        { trigger: "button[name=action_view_invoices]" },
        { trigger: ".o_data_row:contains(Tour Customer):contains(INV)" },
    ],
});
