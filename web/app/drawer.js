/** The drawer at the side: opens when the address names a group or a program, closes back to where it was opened. */

import { h, patch } from "./dom.js";
import { figure, figureTitle } from "./figure.js";
import { program, programTitle } from "./program.js";
import { closeDrawers } from "./state/url.js";

/** Wire the dialog's own ways of closing: Escape, and a tap beside it. */
export function prepareDrawer(dialog) {
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    closeDrawers();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest('[data-action="close"]')) closeDrawers();
  });
}

export function drawDrawer(dialog, context) {
  const { view, words } = context;
  const [title, content] = view.address.program
    ? [programTitle(context), program(context)]
    : view.address.group ? [figureTitle(context), figure(context)] : [null, null];
  if (!content) {
    if (dialog.open) dialog.close();
    return;
  }
  patch(dialog,
    h("div", { class: "drawer", "data-key": view.address.program ?? `group ${view.address.group}` },
      h("header", null,
        h("h2", { id: "drawer-title", tabindex: -1, autofocus: true }, title),
        h("button", { type: "button", "data-action": "close", "data-testid": "drawer-close" }, words.close)),
      content));
  if (!dialog.open) dialog.showModal();
}
