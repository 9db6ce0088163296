// Says words to screen readers, in the one region of the page that is there for it.
const PAUSE = 50; // milliseconds
let saying;

export function tell(words) {
  const said = document.getElementById("said");
  if (!said) return;
  said.textContent = ""; // or the same words again are no news to a screen reader
  clearTimeout(saying);
  saying = setTimeout(() => { said.textContent = words; }, PAUSE);
}
