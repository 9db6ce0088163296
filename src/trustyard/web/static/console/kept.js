// What a person opened in a part of the page stays open when that part is drawn anew; htmx itself keeps the focus by its id.
let open = [];

document.addEventListener("htmx:beforeSwap", (event) => {
  open = [...event.detail.target.querySelectorAll("details[id][open]")].map((it) => it.id);
});
document.addEventListener("htmx:afterSwap", () => {
  open.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
});
