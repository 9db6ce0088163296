// A table that is wider than its card says so: not every system shows a scroll bar before one scrolls.
const watched = new ResizeObserver((seen) => seen.forEach(({ target }) => look(target.closest(".table-scroll"))));

function look(box) {
  const wider = box.scrollWidth > box.clientWidth + 1;
  const hint = box.previousElementSibling;
  box.toggleAttribute("data-wider", wider);
  if (hint?.matches(".sideways")) hint.hidden = !wider;
}

function watch(root) {
  root.querySelectorAll(".table-scroll").forEach((box) => {
    watched.observe(box);
    if (box.firstElementChild) watched.observe(box.firstElementChild);
  });
}

document.addEventListener("htmx:load", (event) => watch(event.detail.elt.parentElement ?? document));
watch(document);
