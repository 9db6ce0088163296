// A sign of work for what takes longer than a moment, where the person looks: over an open dialog too.
import { asked } from "./unanswered.js";

const MOMENT = 150; // milliseconds: a sign that comes and goes at once only flickers
const underWay = new Map(); // request -> what waits for it
let timer = 0;
let sign = null;

const place = () => [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;

function show() {
  if (!underWay.size) return;
  underWay.forEach((elt) => { if (elt !== document.body) elt.setAttribute("aria-busy", "true"); });
  const main = document.querySelector("dialog[open] .dialog-form") ?? document.getElementById("main");
  main?.setAttribute("aria-busy", "true");
  if (sign?.isConnected) return;
  sign = document.getElementById("working").content.firstElementChild.cloneNode(true);
  place().append(sign);
  sign.showPopover(); // above the dialog, whatever it is
  sign.querySelector("[aria-live]").textContent = "Working…"; // filled when it is there, so that it is read out
}

function hide() {
  clearTimeout(timer);
  timer = 0;
  sign?.remove();
  sign = null;
  document.querySelectorAll("[aria-busy]").forEach((elt) => elt.removeAttribute("aria-busy"));
}

document.addEventListener("htmx:beforeSend", (event) => {
  const { elt, xhr, requestConfig } = event.detail;
  if (!asked(elt, requestConfig)) return;
  underWay.set(xhr, elt);
  timer ||= setTimeout(show, MOMENT);
});

function ended(event) {
  underWay.delete(event.detail.xhr);
  if (!underWay.size) hide();
}
document.addEventListener("htmx:afterRequest", ended);
// The element that asked may have gone with what was swapped, and with it the event that says so.
document.addEventListener("htmx:beforeOnLoad", ended);
document.addEventListener("dialog:closed", () => sign?.remove());
