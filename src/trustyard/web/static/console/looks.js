// Looking at a source in the window New Certificate Definition. What is shown is what Apply takes: a look clears what the one
// before it showed, Apply waits for it, and where it fails Apply is not sent.
import { LARGEST, TEXT_TOO_LARGE } from "./large.js";
import { say } from "./unanswered.js";

let underWay = 0;
let reading = ""; // the source that is looked at
let read = true; // by the look that ended last
let typed = false; // text that no look has been sent for
let refusing = false; // what is shown is the browser's own word, of which the server knows nothing
const applies = [];

const byId = (id) => document.getElementById(id);
const isLook = (elt) => elt instanceof Element && elt.matches("[data-look]");
const isChoice = (elt) => elt.dataset.look === "choice"; // among certificates that were read
const source = () => document.querySelector("#window-form [name='source']:checked")?.value;

function refuse(sentence) {
  forget();
  say(sentence);
  refusing = true;
}

function forgetFacts() {
  byId("window-read")?.replaceChildren(); // or the same words again are no news to a screen reader
  const facts = byId("window-facts");
  facts?.querySelectorAll("input, textarea").forEach((box) => { box.value = ""; });
  facts?.querySelectorAll("[data-findings]").forEach((found) => found.remove());
}

function forget() {
  refusing = false;
  byId("window-messages")?.replaceChildren();
  forgetFacts();
}

function forgetFile() {
  byId("window-file").value = "";
  byId("window-file-name").textContent = "";
}

// One that takes the place of another has begun by then.
function settle() {
  if (underWay) return;
  const waiting = applies.splice(0);
  if (read) waiting.forEach((go) => go());
}

function stop() {
  const looks = byId("looks");
  if (looks) window.htmx?.trigger(looks, "htmx:abort");
  applies.splice(0);
}

document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt } = event.detail;
  if (!isLook(elt)) return;
  if (elt.dataset.look === "paste") typed = false;
  if (elt.dataset.look === "paste" && refusing && !byId("window-certificate").value) {
    event.preventDefault(); // there is nothing that could be read
    return;
  }
  underWay += 1;
  reading = elt.dataset.look;
  if (isChoice(elt)) forgetFacts();
  else forget();
});
document.addEventListener("htmx:afterRequest", (event) => {
  const { elt, successful } = event.detail;
  if (!isLook(elt)) return;
  underWay = Math.max(0, underWay - 1);
  read = successful === true;
  setTimeout(settle);
});

// A file that was lost on the way; one whose look gives way to the next is sent with that.
for (const lost of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  document.addEventListener(lost, ({ detail }) => {
    if (detail.elt.dataset?.look === "file") forgetFile();
  });
}

// Enter in the password is a change first, and what it would read is being read by then.
document.addEventListener("htmx:confirm", (event) => {
  const { elt, triggeringEvent } = event.detail;
  if (elt.id === "file-form" && triggeringEvent?.type === "submit" && underWay && reading === "file") event.preventDefault();
});

// A file is read when it is chosen; one that is too large is not sent at all.
document.addEventListener("chosen", (event) => {
  const box = event.target;
  if (box.id !== "window-file" || box.files[0].size <= LARGEST) return;
  event.stopPropagation();
  const name = box.files[0].name;
  stop();
  forgetFile();
  refuse(`${name} is larger than 10 MB and was not read.`);
}, true);

// A text that is too large takes the place of the one before, too.
document.addEventListener("toolarge", (event) => {
  const box = event.target;
  if (box.id !== "window-certificate") return;
  event.preventDefault();
  stop();
  typed = false;
  box.value = "";
  refuse(TEXT_TOO_LARGE);
});

// What a source showed comes from the server after it is chosen, perhaps only now: it does not take the place of that word.
document.addEventListener("change", ({ target }) => {
  if (target.name === "source" && target.form?.id === "window-form") refusing = false;
}, true);
document.addEventListener("htmx:beforeSwap", (event) => {
  const { requestConfig, serverResponse } = event.detail;
  const late = requestConfig.elt.dataset?.typed === "window" && serverResponse.includes('id="window-messages"');
  if (refusing && late) event.detail.shouldSwap = false;
});

document.addEventListener("input", (event) => {
  if (event.target.id === "window-certificate") typed = true;
  if (event.target.id === "window-url") changeAddress();
});

// What another address presented is not shown beside this one, and what it is about to say is not waited for.
function changeAddress() {
  const said = underWay || byId("window-content").value || byId("window-messages").childElementCount;
  stop();
  forget();
  if (!said) return;
  const hint = document.createElement("p");
  hint.className = "hint";
  hint.setAttribute("role", "status");
  hint.textContent = "The address was changed: press Receive.";
  byId("window-messages").append(hint);
}

document.addEventListener("htmx:confirm", (event) => {
  if (event.target.id !== "window-form") return;
  if (!underWay && !(typed && source() === "paste")) return;
  event.preventDefault();
  applies.push(() => event.detail.issueRequest(true));
});
// The text is large and may hold a key: it goes along only where it is the source.
document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.elt.closest?.("#window") && source() !== "paste") delete event.detail.parameters.content;
});

document.addEventListener("dialog:closed", (event) => {
  if (event.target.id === "window") {
    stop();
    typed = false;
  }
});
