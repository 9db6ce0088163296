// What the browser or its person did not want to do with a security key, as a sentence instead of a line in its console.
document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  const main = document.querySelector("main .card-body") ?? document.querySelector("main");
  let alert = document.getElementById("key-problem");
  if (!alert) {
    alert = document.createElement("div");
    alert.id = "key-problem";
    alert.className = "notice bad";
    alert.setAttribute("role", "alert");
    main.prepend(alert);
  }
  const name = event.detail.exception?.name;
  alert.textContent = name === "SecurityError" ? "Browsers use security keys only over https, or at localhost."
    : name === "InvalidStateError" ? "This key is registered already."
    : "The security key was not used: cancelled, not there in time, or not one of yours.";
});
