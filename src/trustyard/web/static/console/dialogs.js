// Dialogs come from the server as fragments: opened as modal, closed by Esc or Cancel, and the focus goes back to where it was.
const openers = [];
let pressed = null; // Safari, and Firefox on a Mac, give a button that is clicked no focus

document.addEventListener("click", ({ target }) => {
  pressed = target instanceof Element ? target.closest("button, a[href]") : null;
}, true);

function open(dialog) {
  if (dialog.open) return;
  const focused = document.activeElement;
  const before = focused?.matches("body, main") ? pressed : focused;
  // A dialog that takes the place of another one inherits the place to return to.
  openers.push(before ?? openers.at(-1));
  dialog.showModal();
  first(dialog)?.focus();
}

// The browser would take the box that scrolls, which has no name: where nothing is marked or filled in it is Cancel.
function first(dialog) {
  const marked = dialog.querySelector("[data-first]");
  if (marked) return marked;
  const control = dialog.querySelector('input:enabled:not([type="hidden"])');
  return control?.type === "radio" ? dialog.querySelector(`input[name="${control.name}"]:checked`) ?? control : control ?? dialog.querySelector("[data-close]");
}

function openAll(root) {
  const found = [...root.querySelectorAll("dialog[data-open]")];
  if (root instanceof HTMLElement && root.matches("dialog[data-open]")) found.unshift(root);
  found.forEach(open);
}

function back() {
  while (openers.length) {
    let opener = openers.pop();
    if (opener?.id && !opener.isConnected) opener = document.getElementById(opener.id); // drawn anew meanwhile
    if (opener?.isConnected && !opener.closest("dialog:not([open])") && !opener.closest(".row-menu:not(:popover-open)")) {
      opener.focus();
      return;
    }
    const menu = opener?.isConnected ? opener.closest(".row-menu") : null;
    if (menu) {
      document.querySelector(`[popovertarget="${CSS.escape(menu.id)}"]`)?.focus();
      return;
    }
  }
}

document.addEventListener("close", (event) => {
  const dialog = event.target;
  if (!(dialog instanceof HTMLDialogElement)) return;
  if (dialog.isConnected) {
    dialog.dispatchEvent(new CustomEvent("dialog:closed", { bubbles: true }));
    // What was under way for a dialog that is closed is not wanted any more.
    dialog.querySelectorAll("form").forEach((form) => window.htmx?.trigger(form, "htmx:abort"));
    if (dialog.dataset.keep === undefined) dialog.remove();
  }
  back();
}, true);

document.addEventListener("click", (event) => {
  const closer = event.target instanceof Element ? event.target.closest("[data-close]") : null;
  closer?.closest("dialog")?.close();
});

// What only this page needs to ask (no look-up on the server) stands in it as a closed dialog.
document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-dialog]") : null;
  const dialog = button && document.getElementById(button.dataset.dialog);
  if (dialog) open(dialog);
});

// Typed confirmation: the button wakes up when the name matches exactly.
document.addEventListener("input", (event) => {
  const box = event.target;
  if (!(box instanceof HTMLInputElement) || box.dataset.mustBe === undefined) return;
  const button = box.form.querySelector("[data-when-typed]");
  button.disabled = box.value.normalize("NFC") !== box.dataset.mustBe.normalize("NFC");
});

// A refusal that the whole page shows is not hidden behind the dialog that caused it: that closes, or shows it itself.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target?.id !== "notices") return;
  document.querySelectorAll("#dialogs dialog[open]").forEach((dialog) => dialog.close());
  event.detail.target = document.querySelector("dialog[open] [data-notices]") ?? event.detail.target;
});

document.addEventListener("htmx:load", (event) => openAll(event.detail.elt));
openAll(document);
