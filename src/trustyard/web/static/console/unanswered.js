// Where Trustyard did not answer, or something on the way to it answered instead: an alert where the person looks, until
// something succeeds. What Trustyard itself refuses, it shows itself.

// What the page asks for by itself, or while somebody types: its success says nothing of what a person asked for.
export function asked(elt, config) {
  return !elt.matches?.("[data-typed], [role='status']") && Boolean(config?.triggeringEvent ?? elt === document.body);
}

function consequence(elt, config) {
  if (elt.matches?.("[data-look]")) return "Nothing was read: try again.";
  if (elt.matches?.("[data-typed]")) return "What you typed is still here, and not kept yet.";
  if (!asked(elt, config)) return "What is shown here may be out of date.";
  if (config?.verb === "get") return "Try again.";
  return "What you asked for may not have been done: try again.";
}

function sentence(elt, xhr, config) {
  if (!xhr?.status) return `Trustyard did not answer. ${consequence(elt, config)}`;
  if (xhr.status === 413) return "This is larger than 10 MB and was not taken.";
  if (xhr.status >= 500 || xhr.status === 408) return `Trustyard could not answer (${xhr.status}). ${consequence(elt, config)}`;
  return `This was not taken (${xhr.status}). Load the page again.`;
}

function place() {
  const dialog = [...document.querySelectorAll("dialog[open]")].at(-1);
  const within = dialog && (dialog.querySelector("[data-notices]") ?? dialog.querySelector(".dialog-body"));
  return within ?? dialog ?? document.getElementById("notices") ?? document.querySelector("main");
}

export function say(text, background = false) {
  if (background && document.querySelector("[data-unanswered='asked']")) return;
  settle(background);
  const alert = document.getElementById("unanswered").content.firstElementChild.cloneNode(true);
  alert.dataset.unanswered = background ? "background" : "asked";
  alert.querySelector("p").textContent = text;
  place().prepend(alert);
  if (!background) alert.scrollIntoView({ block: "nearest" });
}

function settle(background = false) {
  const gone = background ? "[data-unanswered='background']" : "[data-unanswered]";
  document.querySelectorAll(gone).forEach((alert) => alert.remove());
}

// A page that is left ends what is under way, and WebKit says of that what it says of a server that is gone.
const LEAVING = 1000; // milliseconds
let left = -Infinity;
window.addEventListener("beforeunload", ({ timeStamp }) => { left = timeStamp; });

function failed(event) {
  const { elt, xhr, requestConfig } = event.detail;
  if (!xhr?.status && event.timeStamp - left < LEAVING) return;
  say(sentence(elt, xhr, requestConfig), !asked(elt, requestConfig));
}

const isOurs = (xhr) => xhr.getResponseHeader("HX-Retarget") !== null;

document.addEventListener("htmx:sendError", failed);
document.addEventListener("htmx:timeout", failed);
// A page of a proxy, or JSON of the router's, is nothing to be put into this page.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr } = event.detail;
  if (xhr.status >= 400 && !isOurs(xhr)) event.detail.shouldSwap = false;
});
document.addEventListener("htmx:responseError", (event) => {
  if (!isOurs(event.detail.xhr)) failed(event);
});
document.addEventListener("htmx:afterRequest", (event) => {
  const { elt, successful, requestConfig } = event.detail;
  if (successful) settle(!asked(elt, requestConfig));
});
