// What a person opened in a part of the page stays open when that part is drawn anew; htmx itself keeps the focus by its id.
// Where another part of a whole takes the place of one, the focus goes there.
let open = [];

document.addEventListener("htmx:beforeSwap", (event) => {
  open = [...event.detail.target.querySelectorAll("details[id][open]")].map((it) => it.id);
});
document.addEventListener("htmx:afterSwap", () => {
  open.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
});

// So it does where a choice leads to another page (Promote), whose form Back then finds as it was left.
const CHOSEN = "trustyard-chosen";

document.addEventListener("change", ({ target }) => {
  if (!target.form?.matches("[data-goes]")) return;
  sessionStorage.setItem(CHOSEN, target.id);
  target.form.requestSubmit();
});
window.addEventListener("load", () => {
  document.getElementById(sessionStorage.getItem(CHOSEN))?.focus();
  sessionStorage.removeItem(CHOSEN);
});

// What the address of a page names is gone to with the keyboard too: a table whose page was turned, an entry of many.
window.addEventListener("load", () => {
  if (document.activeElement === document.body) document.querySelector(":target[tabindex]")?.focus();
});
// So is a table that is paged within its page.
document.addEventListener("htmx:afterSettle", (event) => {
  const id = event.detail.requestConfig?.elt.dataset?.turns;
  const turned = id ? document.getElementById(id) : null;
  turned?.focus({ preventScroll: true });
  if (turned?.getBoundingClientRect().top < 0) turned.scrollIntoView(); // where it begins, and not where it ended
});
// What is shown once is not asked for again by a reload: the address becomes that of the page that says so.
const once = document.querySelector("[data-reloads-as]");
if (once) history.replaceState(history.state, "", once.dataset.reloadsAs);
