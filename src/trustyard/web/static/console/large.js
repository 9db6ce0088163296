// What no request may bring is not put into a box: laying out so much text stops a browser for half a minute.
import { say } from "./unanswered.js";

export const LARGEST = 10_000_000; // bytes, as the server has it
export const TEXT_TOO_LARGE = "This text is larger than 10 MB and was not read.";

document.addEventListener("beforeinput", (event) => {
  const box = event.target;
  if (!(box instanceof HTMLTextAreaElement)) return;
  const replaced = box.selectionEnd - box.selectionStart;
  if (box.textLength - replaced + (event.data?.length ?? 0) <= LARGEST) return;
  event.preventDefault();
  if (box.dispatchEvent(new CustomEvent("toolarge", { bubbles: true, cancelable: true }))) say(TEXT_TOO_LARGE);
});
