// What is typed in the certificate form goes to its draft after a pause. Whoever reloads or leaves sooner loses nothing: it is sent
// while the page goes, and since the next page may be asked for before that arrives, a reload finds it in the tab's own storage too.
import { holdsPrivateKey } from "./secrets.js";

const STORED = "trustyard-typed";
const NEVER = ["content", "file", "password"]; // may be a secret
const page = `${Date.now().toString(36)}${Math.random().toString(36).slice(2)}`;
const parts = { define: "certificate-form", window: "window-form" };
const typed = { define: 0, window: 0 }; // how often
const sending = { define: 0, window: 0 }; // as of which time
const kept = { define: 0, window: 0 };
let requests = 0;
let leaving = false;
let going = false; // what was typed is stored for the next page, which may be older than what is sent meanwhile

const formOf = (part) => document.getElementById(parts[part]);
const unsent = () => Object.keys(parts).filter((part) => formOf(part) && typed[part] > kept[part]);
const partOf = (box) => (box.closest("#window") ? "window" : box.form === formOf("define") ? "define" : null);
// Requests may overtake each other: the server takes the one that was sent last.
const numbered = () => `${page}.${(requests += 1)}`;

document.addEventListener("input", (event) => {
  const part = event.target instanceof Element && event.target.type !== "file" ? partOf(event.target) : null;
  if (part) typed[part] += 1;
  going = false; // the person stayed
});
document.addEventListener("htmx:configRequest", (event) => {
  const { elt, parameters, verb } = event.detail;
  if (verb === "post" && elt.closest?.("#certificate-form, #window")) parameters.typed = numbered();
  if (elt.dataset?.typed) sending[elt.dataset.typed] = typed[elt.dataset.typed];
});
document.addEventListener("htmx:afterRequest", (event) => {
  const part = event.detail.elt.dataset?.typed;
  if (part && event.detail.successful) kept[part] = sending[part];
});
document.addEventListener("dialog:closed", (event) => {
  if (event.target.id === "window") kept.window = typed.window;
});

function fields(part) {
  const all = new FormData(formOf(part));
  NEVER.forEach((name) => all.delete(name));
  return [...all];
}

function send(part) {
  const body = new URLSearchParams([...fields(part), ["typed", numbered()]]);
  const headers = { "HX-Request": "true", ...JSON.parse(document.body.getAttribute("hx-headers")) };
  const to = document.querySelector(`[data-typed="${part}"]`).getAttribute("hx-post");
  fetch(to, { method: "POST", body, headers, keepalive: true }).catch(() => {}); // nobody is there any more to be told
}

function leave() {
  if (leaving) return;
  const late = unsent();
  late.forEach(send);
  if (!late.length) return sessionStorage.removeItem(STORED);
  const harmless = (part) => fields(part).filter(([, value]) => !holdsPrivateKey(value));
  const there = { at: window.location.pathname, parts: Object.fromEntries(late.map((part) => [part, harmless(part)])) };
  sessionStorage.setItem(STORED, JSON.stringify(there));
}

window.addEventListener("beforeunload", () => { leave(); going = true; });
document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden" && !going) leave(); });
// Save and Cancel leave on purpose, and take along what is there.
document.addEventListener("submit", (event) => { if (event.target.matches("[data-leaves]")) leaving = true; });
document.addEventListener("htmx:beforeOnLoad", (event) => {
  if (event.detail.xhr.getResponseHeader("HX-Redirect")) leaving = true;
});
window.addEventListener("pageshow", () => { leaving = going = false; });

function put(control, given) {
  const values = given.filter(([name]) => name === control.name).map(([, value]) => value);
  const choice = control.type === "checkbox" || control.type === "radio";
  const now = choice ? values.includes(control.value) : values[0];
  if (control.disabled || control.readOnly || control.type === "hidden" || now === undefined) return false;
  if (NEVER.includes(control.name) || control[choice ? "checked" : "value"] === now) return false;
  control[choice ? "checked" : "value"] = now;
  return true;
}

// The browser's own way to put things back comes later, and knows nothing of the window.
function restore() {
  const there = JSON.parse(sessionStorage.getItem(STORED) ?? "null");
  sessionStorage.removeItem(STORED);
  if (there?.at !== window.location.pathname) return;
  for (const [part, given] of Object.entries(there.parts)) {
    const controls = [...(formOf(part)?.elements ?? [])];
    const changed = controls.filter((control) => put(control, given));
    window.addEventListener("pageshow", () => changed.forEach((control) => {
      control.dispatchEvent(new Event("input", { bubbles: true }));
      control.dispatchEvent(new Event("change", { bubbles: true }));
    }), { once: true });
  }
}
restore();
