// The certificate form and its window: asks before a changed form is left, reads a file when it is chosen, submits once.
import { goToFirst } from "./fields.js";

const byId = (id) => document.getElementById(id);
const form = () => byId("certificate-form");
let leaving = false;

const changed = () => form()?.dataset.changed === "true";
function touch() {
  const it = form();
  if (it) it.dataset.changed = "true";
}

window.addEventListener("beforeunload", (event) => {
  if (!changed() || leaving) return;
  event.preventDefault();
  event.returnValue = true; // older browsers ask only with this
});

document.addEventListener("input", (event) => {
  const box = event.target;
  if (!(box instanceof Element)) return;
  const open = box.closest("#window");
  if (open) open.dataset.touched = "";
  if (open || box.form === form()) touch();
});
// Save and Cancel leave on purpose.
document.addEventListener("submit", (event) => {
  if (event.target instanceof Element && event.target.matches("[data-leaves]")) leaving = true;
});
document.addEventListener("htmx:beforeOnLoad", (event) => {
  if (event.detail.xhr.getResponseHeader("HX-Redirect")) leaving = true;
});
window.addEventListener("pageshow", (event) => {
  leaving = false;
  if (event.persisted && form()) window.location.reload(); // back button: show what the draft is now
});

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-select-file]") : null;
  if (button) document.getElementById(button.dataset.selectFile)?.click();
});
document.addEventListener("change", (event) => {
  const box = event.target;
  if (!(box instanceof HTMLInputElement) || box.type !== "file") return;
  const shown = document.getElementById(`${box.id}-name`);
  if (shown) shown.textContent = box.files[0]?.name ?? "";
  touch();
  // The password of the file before is none of this one's business.
  box.form?.querySelectorAll('input[type="password"]').forEach((password) => { password.value = ""; });
  if (box.files.length) box.dispatchEvent(new CustomEvent("chosen", { bubbles: true }));
});
// The same file chosen again is read again.
document.addEventListener("click", (event) => {
  if (event.target instanceof HTMLInputElement && event.target.type === "file") event.target.value = "";
});

// Enter in the URL does what the button beside it does.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement) || !event.target.dataset.presses) return;
  event.preventDefault();
  document.getElementById(event.target.dataset.presses)?.click();
});

// What is missing may be out of sight when Save or Apply is pressed.
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.target === form() && event.detail.successful && !leaving && !document.querySelector("dialog[open]")) {
    if (!goToFirst(form()) && document.querySelector("#notices [role='alert']")) byId("new-definition")?.focus();
  }
  if (event.target.id !== "window-form") return;
  if (event.detail.successful) goToFirst(byId("window"));
  document.querySelector("#window :is(.field-problem:not(:empty), [role='alert'])")?.scrollIntoView({ block: "nearest" });
});

// The row whose menu was used was drawn anew meanwhile, or is gone.
function refocus() {
  setTimeout(() => {
    if (document.activeElement !== document.body || document.querySelector("dialog[open]")) return;
    document.getElementById("new-definition")?.focus();
  }, 50);
}

document.addEventListener("draft-changed", () => {
  touch();
  refocus();
});
document.addEventListener("window-done", () => {
  const open = document.getElementById("window");
  if (!open) return;
  open.dataset.applied = "";
  open.close();
  refocus();
});

// Revoke Certificate is in force at once; what was typed in the window beside it stays there, to be applied.
document.addEventListener("entry-revoked", () => {
  const open = document.getElementById("window");
  if (open?.dataset.touched === undefined) open?.close();
  else document.getElementById("window-alias").focus();
});

// The window's Cancel and Esc: the server forgets what stood in it.
document.addEventListener("dialog:closed", (event) => {
  if (event.target.id === "window" && event.target.dataset.applied === undefined) {
    window.htmx?.ajax("POST", event.target.dataset.closeUrl, { swap: "none" });
  }
});
