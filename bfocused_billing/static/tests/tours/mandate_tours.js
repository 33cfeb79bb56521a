import { registry } from "@web/core/registry";

const drawSignature = (canvas) => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    const point = (kind, x, y) =>
        canvas.dispatchEvent(
            new PointerEvent(kind, {
                bubbles: true,
                buttons: kind === "pointerup" ? 0 : 1,
                isPrimary: true,
                pointerId: 1,
                pressure: 0.5,
                clientX: left + width * x,
                clientY: top + height * y,
            })
        );
    point("pointerdown", 0.2, 0.3);
    for (let step = 1; step <= 12; step++) {
        point("pointermove", 0.2 + step * 0.05, step % 2 ? 0.7 : 0.3);
    }
    point("pointerup", 0.8, 0.3);
};

registry.category("web_tour.tours").add("bfocused_billing_sign_mandate", {
    steps: () => [
        { content: "A wrong IBAN", trigger: "input[name=iban]", run: "edit NL92ABNA0417164300 && click body" },
        { content: "is refused at once, with a reason", trigger: ".o_mandate_iban_error:visible:not(:empty)" },
        { content: "The right one", trigger: "input[name=iban]", run: "edit nl91abna0417164300 && click body" },
        { content: "is of a bank", trigger: ".o_mandate_bank:contains(ABN)" },
        { trigger: "input[name=iban]:value(NL91 ABNA 0417 1643 00)" },
        { trigger: "input[name=signatory]", run: "edit Jan de Boer" },
        { trigger: "input[name=signatory_role]", run: "edit Directeur" },
        { trigger: "input[name=place]", run: "edit Arnhem" },
        { trigger: ".o_mandate_form button[type=submit]", run: "click", expectUnloadPage: true },
        { content: "The text to sign", trigger: ".o_mandate_text:contains(8 weken)" },
        { content: "The name, typed", trigger: "canvas.o_web_sign_signature", run: "canvasNotEmpty" },
        { content: "Draw instead", trigger: ".o_web_sign_draw_button", run: "click" },
        { content: "from nothing", trigger: ".o_portal_sign_submit:disabled" },
        {
            content: "the signature",
            trigger: "canvas.o_web_sign_signature",
            run: ({ anchor }) => drawSignature(anchor),
        },
        { trigger: ".o_portal_sign_submit:enabled", run: "click", expectUnloadPage: true },
        { content: "Thank you", trigger: ".o_mandate_done" },
        { content: "with the document", trigger: "a.o_mandate_pdf" },
    ],
});

registry.category("web_tour.tours").add("bfocused_billing_accept_quotation", {
    steps: () => [
        { content: "What comes after accepting", trigger: ".o_mandate_notice" },
        {
            content: "Accept",
            trigger: "a[data-bs-target='#modalaccept']:visible",
            run: "click",
        },
        { trigger: ".modal .o_web_sign_name_and_signature input", run: "edit Jan de Boer" },
        { trigger: ".modal canvas.o_web_sign_signature", run: "canvasNotEmpty" },
        { trigger: ".modal .o_portal_sign_submit:enabled", run: "click", expectUnloadPage: true },
        { content: "leads to the mandate form", trigger: ".o_mandate_form input[name=iban]" },
    ],
});
