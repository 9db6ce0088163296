// Row menus and the Menu button: placing, keyboard, and the state that a screen reader is told.
const items = (menu) => [...menu.querySelectorAll('[role="menuitem"]')];

function place(menu, button) {
  const at = button.getBoundingClientRect();
  const width = menu.offsetWidth, height = menu.offsetHeight;
  const below = at.bottom + 4 + height <= window.innerHeight;
  menu.style.left = `${Math.max(8, Math.min(at.right - width, window.innerWidth - width - 8))}px`;
  menu.style.top = `${below ? at.bottom + 4 : Math.max(8, at.top - height - 4)}px`;
}

const buttonOf = (menu) => document.querySelector(`[popovertarget="${CSS.escape(menu.id)}"]`);

document.addEventListener("toggle", (event) => {
  const menu = event.target;
  if (!(menu instanceof HTMLElement) || !menu.matches(".row-menu")) return;
  const button = buttonOf(menu);
  const open = event.newState === "open";
  button?.setAttribute("aria-expanded", String(open));
  if (open && button) {
    place(menu, button);
    items(menu)[0]?.focus();
  }
}, true);

document.addEventListener("keydown", (event) => {
  const menu = event.target instanceof Element ? event.target.closest(".row-menu:popover-open") : null;
  if (!menu) return;
  const all = items(menu);
  const here = all.indexOf(document.activeElement);
  const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: all.length - 1 }[event.key];
  if (event.key === "Tab") menu.hidePopover();
  if (to === undefined) return;
  event.preventDefault();
  all[(to + all.length) % all.length]?.focus();
});

// A menu item acts, and its menu goes; one that cannot act leaves its reason to be read.
document.addEventListener("click", (event) => {
  const item = event.target instanceof Element ? event.target.closest('.row-menu [role="menuitem"]') : null;
  if (!item || item.ariaDisabled === "true") return;
  const menu = item.closest(".row-menu");
  const button = buttonOf(menu);
  setTimeout(() => {
    if (menu.matches(":popover-open")) menu.hidePopover();
    if (!document.querySelector("dialog[open]")) button?.focus();
  });
});
// The menu stays beside its button when the page moves (the click itself may scroll the button into view) or is turned.
function follow() {
  const menu = document.querySelector(".row-menu:popover-open");
  const button = menu && buttonOf(menu);
  if (button) place(menu, button);
}
window.addEventListener("scroll", follow, { passive: true, capture: true });
window.addEventListener("resize", follow);

// What is called an item, a button or a tab is pressed with the space bar too; of a link the browser does not know that.
document.addEventListener("keydown", (event) => {
  if (event.key !== " " || !(event.target instanceof Element) || !event.target.matches("a[role]")) return;
  event.preventDefault();
  event.target.click();
});

const menuButton = document.querySelector(".menu-button");
menuButton?.addEventListener("click", () => {
  const open = menuButton.closest(".side").classList.toggle("open");
  menuButton.setAttribute("aria-expanded", String(open));
});

document.addEventListener("keydown", (event) => {
  const tab = event.target instanceof Element ? event.target.closest('[role="tab"]') : null;
  if (!tab || !["ArrowLeft", "ArrowRight"].includes(event.key)) return;
  const all = [...tab.parentElement.querySelectorAll('[role="tab"]')];
  const next = all[(all.indexOf(tab) + (event.key === "ArrowRight" ? 1 : all.length - 1)) % all.length];
  event.preventDefault();
  next.focus();
});
