// After Back or a reload browsers put back what stood in a form, and tell nobody. The parts that hang on a control which
// fetches on change are then those of what the server sent: they are fetched again, as if it had been chosen just now.
const fetching = "form :is(select, input, textarea)[hx-get]";

function chosenElse(control) {
  if (control instanceof HTMLSelectElement) {
    const sent = [...control.options].findLast((option) => option.defaultSelected) ?? control.options[0];
    return control.selectedOptions[0] !== sent;
  }
  if (control.type === "radio") return control.checked && !control.defaultChecked;
  if (control.type === "checkbox") return control.checked !== control.defaultChecked;
  return control.value !== control.defaultValue;
}

// A page that was kept itself, with all that was fetched for it, is shown as it was left: WebKit empties boxes that are not to be
// completed. Without https WebKit keeps what may not be stored, and shows it even to who signed out meanwhile.
let written = [];
window.addEventListener("pagehide", () => {
  const boxes = document.querySelectorAll("main input[autocomplete='off']:not([type='password'])");
  written = [...boxes].map((box) => [box, box.value]);
});

async function again() {
  setTimeout(() => written.forEach(([box, value]) => { box.value ||= value; })); // they are emptied after this event
  const page = location.pathname + location.search;
  const answer = await fetch(page, { redirect: "manual", cache: "no-store" }).catch(() => null);
  if (answer?.type === "opaqueredirect" || [403, 404].includes(answer?.status)) location.replace(page);
}

window.addEventListener("pageshow", (event) => {
  if (event.persisted) return again();
  const drawn = new Set();
  for (const control of document.querySelectorAll(fetching)) {
    const selector = control.closest("[hx-target]")?.getAttribute("hx-target");
    const target = selector?.startsWith("#") ? document.querySelector(selector) : null;
    if (!target || drawn.has(target) || !chosenElse(control)) continue;
    drawn.add(target); // what stands in it goes with it, and a second control would ask for the same
    control.dispatchEvent(new Event("change", { bubbles: true }));
  }
});
// What was typed in a certificate form is for the page after it alone (typed.js).
if (!document.getElementById("certificate-form")) sessionStorage.removeItem("trustyard-typed");
// The answer to a form is kept nowhere, so that Back would end at the browser's own question whether to send it again: it
// leads to the form. A reload of the answer itself asks as before.
if (document.body.dataset.answersForm !== undefined) {
  window.addEventListener("pagehide", () => history.replaceState(history.state, ""));
}
