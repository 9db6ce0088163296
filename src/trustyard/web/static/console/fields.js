// A control and the sentence about it (`.field-problem`, named by aria-describedby) go together: while there is one, the control is
// marked; what is given differently is no longer told what was wrong before.
const markable = "input, select, textarea";

const problemsOf = (control) => (control.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean)
  .map((id) => document.getElementById(id)).filter((it) => it?.matches(".field-problem"));

function mark(problem) {
  const control = document.querySelector(`[aria-describedby~="${CSS.escape(problem.id)}"]`);
  if (!control?.matches(markable)) return;
  if (problem.textContent.trim()) control.setAttribute("aria-invalid", "true");
  else control.removeAttribute("aria-invalid");
}

document.addEventListener("htmx:oobAfterSwap", (event) => {
  const swapped = event.detail.target;
  if (swapped instanceof Element && swapped.matches(".field-problem[id]")) mark(document.getElementById(swapped.id) ?? swapped);
});

function forget(event) {
  const box = event.target;
  if (!(box instanceof Element) || !box.matches(markable)) return;
  for (const described of [box, box.closest("fieldset[aria-describedby]")]) {
    if (!described) continue;
    described.removeAttribute("aria-invalid");
    problemsOf(described).forEach((problem) => problem.replaceChildren());
  }
}
document.addEventListener("input", forget); // and not on change: a check while one types answers before that

// A choice that cannot be made is reached and read like the others, by mouse and arrow keys alike, and is not made.
document.addEventListener("click", (event) => {
  if (event.target instanceof Element && event.target.matches('input[aria-disabled="true"]')) event.preventDefault();
});

// After a refusal one goes on at the first control that is at fault.
export function goToFirst(root) {
  const problem = root.querySelector(".field-problem[id]:not(:empty)");
  const control = problem && root.querySelector(`[aria-describedby~="${CSS.escape(problem.id)}"]`);
  (control?.matches(markable) ? control : control?.querySelector("input:enabled"))?.focus();
  return Boolean(control);
}
// So does a page that is drawn anew as a whole; what it refuses may stand far above the button.
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target !== document.body || document.activeElement !== document.body || goToFirst(document)) return;
  const alert = document.querySelector("#notices [role='alert']");
  if (!alert) return;
  document.getElementById("main").focus({ preventScroll: true });
  alert.scrollIntoView({ block: "center" });
});
// Also where the form came back as a page of its own; who has begun somewhere is left there.
window.addEventListener("load", () => {
  if (document.activeElement === document.body) goToFirst(document);
});
