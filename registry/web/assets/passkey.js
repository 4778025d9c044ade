// A form with data-passkey asks the browser for a passkey before it is sent:
// "get" to show one, "create" to make one. It fetches the options from the
// address in data-options, puts what the browser answers into the field
// "response", the secret that continues the ceremony into "secret", and goes
// on like any form.
"use strict";

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const says = form.querySelector("[data-says]");
  const tell = (text) => { if (says) says.textContent = text; };
  if (!window.PublicKeyCredential || !PublicKeyCredential.parseRequestOptionsFromJSON) {
    tell("This browser is too old for passkeys. Update it, or use another way to sign in.");
    continue;
  }
  form.addEventListener("submit", async (event) => {
    if (form.elements.response.value) return;
    event.preventDefault();
    tell("Waiting for your passkey…");
    try {
      const begun = await fetch(form.dataset.options, { method: "POST", body: new URLSearchParams(new FormData(form)) });
      const answer = await begun.json();
      if (!begun.ok) throw new Error(answer.error);
      const make = form.dataset.passkey === "create";
      const made = make
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(answer.options) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(answer.options) });
      form.elements.response.value = JSON.stringify(made.toJSON());
      form.elements.secret.value = answer.secret;
      form.submit();
    } catch (error) {
      tell(error.name === "NotAllowedError" || error.name === "AbortError"
        ? "No passkey was used. Try again, or choose another way."
        : "That did not work: " + error.message);
    }
  });
}
