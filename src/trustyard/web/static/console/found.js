// What a search or a filter found is said: screen readers pass over a region that comes with its words already in it.
import { tell } from "./said.js";

const words = (one) => one.dataset.found || one.innerText.replace(/\s+/g, " ").trim();

document.addEventListener("htmx:afterSwap", ({ target }) => {
  const found = [...target.querySelectorAll("[data-found]")].map(words);
  if (found.length) tell(found.join(" "));
});
