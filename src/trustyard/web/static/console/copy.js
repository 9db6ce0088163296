// Copies a fingerprint, and says so.
document.addEventListener("click", async (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-copy]") : null;
  if (!button) return;
  const said = document.getElementById("said");
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    if (said) said.textContent = "Copied";
  } catch {
    // Without https the browser lends no clipboard: select the text instead.
    const range = document.createRange();
    range.selectNodeContents(button.previousElementSibling);
    const selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    if (said) said.textContent = "Selected; copy it with the keyboard";
  }
});
