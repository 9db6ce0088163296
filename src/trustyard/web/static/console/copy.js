// Copies a fingerprint, a secret or the text of a box, and says so to eyes and screen readers alike.
import { tell } from "./said.js";

const LONG_ENOUGH = 2000; // milliseconds

function show(button, shown, words) {
  tell(words);
  button.dataset.said = shown;
  clearTimeout(button.saying);
  button.saying = setTimeout(() => { delete button.dataset.said; }, LONG_ENOUGH);
}

function select(shown) {
  if (shown.matches("input, textarea")) {
    shown.focus();
    shown.select();
    return;
  }
  const range = document.createRange();
  range.selectNodeContents(shown);
  const selection = window.getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}

document.addEventListener("click", async (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-copy]") : null;
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    show(button, "Copied", "Copied");
  } catch {
    // Without https the browser lends no clipboard: select the text instead.
    select(document.getElementById(button.dataset.shown) ?? button.previousElementSibling);
    show(button, "Selected", "Selected; copy it with the keyboard");
  }
});
