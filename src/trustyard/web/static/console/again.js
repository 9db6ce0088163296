// What was typed in a form is there again after a reload, after Back and Forward, and where the page came back for another reason
// than that it was taken: one was signed out meanwhile, or something failed. The entry of the history has it, and the tab's own
// storage for the next page (a reload knows nothing of what is written to the entry while the page goes), unless that is no refusal. The certificate's form has a draft on the server instead (typed.js).
import { holdsPrivateKey } from "./secrets.js";
import { say } from "./unanswered.js";

const STORED = "trustyard-again";
const NEVER = "button, fieldset, [type='password'], [type='file'], [autocomplete='one-time-code'], [name='jwk'], [name='csrfmiddlewaretoken'], [data-as-sent]";
const ONCE = 5000; // milliseconds
const PATIENCE = 30_000;

const lost = document.querySelector(".lost, .entrance") !== null;
const answer = document.body.dataset.answersForm !== undefined;
const shown = () => (lost ? null : document.querySelector("main form[method='post']:has(.field):not(#certificate-form)"));
let form = shown();
const place = () => location.pathname + location.search;
const person = document.querySelector(".account-name")?.textContent.trim();

const isChoice = (control) => control.type === "checkbox" || control.type === "radio";
const controls = () => [...form.elements].filter((one) => one.name && !one.matches(NEVER));

function asItCame(control) {
  if (isChoice(control)) return control.defaultChecked;
  if (!(control instanceof HTMLSelectElement)) return control.defaultValue;
  return ([...control.options].findLast((option) => option.defaultSelected) ?? control.options[0])?.value;
}
// With the page, that is: what is fetched for a choice comes with that choice in it, which the next page knows nothing of.
const first = new Map();
const key = (control) => `${isChoice(control) ? control.value : ""}/${control.name}`;
const sent = (control) => first.get(key(control)) ?? asItCame(control);

function note() {
  first.clear();
  if (form) controls().forEach((one) => first.set(key(one), asItCame(one)));
}
note();
const now = (control) => (isChoice(control) ? control.checked : control.value);

function typed() {
  const all = controls().filter((one) => !holdsPrivateKey(one.value)); // by mistake; the server refuses it
  const mine = all.filter((one) => one.type !== "hidden" && (answer || now(one) !== sent(one)));
  if (!mine.length && !turned()) return null;
  // The version that it was typed over goes along, so that what somebody else saves meanwhile is noticed.
  return [...mine, ...all.filter((one) => one.type === "hidden")].map((one) => [one.name, isChoice(one) ? one.value : null, now(one)]);
}

// What is ticked on the pages of a list that are not shown (Promote): the controls of its part, and which page it is. Until that is
// there again, it is what was asked for.
let awaited = null;

function turned() {
  const part = form.querySelector("[data-turned]");
  if (!part) return awaited;
  const sent = new FormData(form);
  const names = new Set([...part.querySelectorAll("[name]")].map((one) => one.name)).add("q");
  const values = Object.fromEntries([...names].map((name) => [name, sent.getAll(name)]));
  return { part: `#${part.id}`, values: { ...values, turn: part.dataset.turned } };
}

function turn(there) {
  awaited = there;
  htmx.ajax("POST", place(), { target: there.part, swap: "outerHTML", values: there.values });
}

const find = (name, value) => controls().find((one) => one.name === name && (value === null || one.value === value));

function put(kept) {
  const changed = [];
  for (const [name, value, state] of kept) {
    const control = find(name, value);
    if (!control || now(control) === state) continue;
    if (control instanceof HTMLSelectElement && ![...control.options].some((option) => option.value === state)) continue;
    control[isChoice(control) ? "checked" : "value"] = state;
    changed.push(control);
  }
  return changed;
}

function restore(kept) {
  const differs = kept.some(([name, value, state]) => {
    const control = find(name, value);
    return control && control.type !== "hidden" && sent(control) !== state;
  });
  if (!differs) return;
  put(kept);
  // What hangs on a choice is fetched by restored.js; it is filled in when it is there, until the person goes on.
  const until = new AbortController();
  const fill = () => {
    if (form.querySelector(".htmx-added")) return; // it does not fetch yet when it changes; its own turn comes
    put(kept).forEach((one) => one.dispatchEvent(new Event("change", { bubbles: true })));
  };
  form.addEventListener("htmx:afterSettle", fill, { signal: until.signal });
  for (const event of ["keydown", "pointerdown"]) document.addEventListener(event, () => until.abort(), { signal: until.signal });
}

const stored = JSON.parse(sessionStorage.getItem(STORED) ?? "null");
if (lost) {
  if (stored) sessionStorage.setItem(STORED, JSON.stringify({ ...stored, lost }));
} else {
  sessionStorage.removeItem(STORED);
  const reload = performance.getEntriesByType("navigation")[0]?.type === "reload";
  const there = stored?.at === place() && (stored.lost || reload) ? stored : history.state?.typed;
  const ours = form && !answer && there?.person === person;
  if (ours) restore(there.kept);
  if (ours && there.turned && form.querySelector(there.turned.part)) turn(there.turned);
  if (ours && there.lost) document.getElementById("notices").append(document.getElementById("typed-again").content.cloneNode(true));
}

window.addEventListener("pagehide", () => {
  const kept = form && typed();
  const there = kept && { at: place(), person, kept, turned: turned() };
  if (form) history.replaceState({ ...history.state, typed: there }, "");
  if (there) sessionStorage.setItem(STORED, JSON.stringify(there));
});

// A page that is drawn anew without a load (Promote, where it is refused) has another form then.
document.addEventListener("htmx:afterSwap", ({ target }) => {
  if (target !== document.body) return;
  form = shown();
  note();
  awaited = null;
});

// Where nobody answers, the browser's own page would take the place of the form and of all that stands in it: it is asked first.
let asking = false;
let answers = false;

async function submit(submitter) {
  if (asking) return;
  asking = true;
  const signal = AbortSignal.timeout(PATIENCE);
  const status = await fetch("/healthz", { cache: "no-store", signal }).then((response) => response.status, () => 0);
  asking = false;
  if (!status || status >= 500) return say(`Trustyard ${status ? `could not answer (${status})` : "did not answer"}. Nothing was sent: try again.`);
  answers = true;
  form.requestSubmit(submitter);
  answers = false;
}

// A second click before the answer is there would send the form twice, and be told of the first one's work as of somebody else's.
const under = new WeakMap();
document.addEventListener("submit", (event) => {
  const { target, submitter, timeStamp } = event;
  if (event.defaultPrevented || target.method !== "post") return;
  if (timeStamp - (under.get(target) ?? -ONCE) < ONCE) return event.preventDefault();
  if (target === form && !answers) {
    event.preventDefault();
    submit(submitter);
  } else under.set(target, timeStamp);
});
window.addEventListener("pageshow", () => document.querySelectorAll("form").forEach((one) => under.delete(one)));
