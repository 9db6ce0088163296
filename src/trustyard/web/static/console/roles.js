// Environments limit operators alone: for another role they cannot be ticked, are not sent, and the hint says why.
const role = document.getElementById("role");
const limits = document.getElementById("limits");

function fit() {
  limits.disabled = role.value !== "operator";
  for (const hint of limits.querySelectorAll("[data-role]")) hint.hidden = hint.dataset.role !== role.value;
}

role.addEventListener("change", fit);
window.addEventListener("pageshow", fit); // after Back or a reload browsers put another role back, and tell nobody
