// A form with data-passkey asks the browser for a passkey before it is sent:
// "get" to show one, "create" to make one. It fetches the options from the
// address in data-options, puts what the browser answers into the field
// "response", the secret that continues the ceremony into "secret", and goes
// on like any form.
"use strict";

// What browsers call their refusals, in words that say what to do next.
const meanings = {
  NotAllowedError: "No passkey was used: the request was cancelled, or it took too long. Press the button to try again.",
  AbortError: "No passkey was used. Press the button to try again.",
  InvalidStateError: "This device has a passkey for your account already. Use another device or a security key to add one more.",
  SecurityError: "Passkeys do not work at this address. Open the repository by its host name, over https.",
  NotSupportedError: "This device cannot make a passkey that fits here. Use another device or a security key.",
  TypeError: "The repository could not be reached. Check the connection and press the button again.",
};

async function ask(form) {
  const begun = await fetch(form.dataset.options, { method: "POST", body: new URLSearchParams(new FormData(form)) });
  const answer = await begun.json();
  if (!begun.ok) throw new Error(answer.error);
  const made = form.dataset.passkey === "create"
    ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(answer.options) })
    : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(answer.options) });
  form.elements.response.value = JSON.stringify(made.toJSON());
  form.elements.secret.value = answer.secret;
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const says = form.querySelector("[data-says]");
  const button = form.querySelector("button");
  if (!window.isSecureContext) {
    says.textContent = "Passkeys need https, and this page was opened without it.";
    button.disabled = true;
    continue;
  }
  if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
    says.textContent = "This browser is too old for passkeys. Update it, or use another way.";
    button.disabled = true;
    continue;
  }
  if (/^[\d.]+$|^\[/.test(location.hostname)) {
    says.textContent = "Browsers keep no passkeys for an address of numbers. Open the repository by its host name; on this machine that is http://localhost" + (location.port && ":" + location.port) + location.pathname;
    button.disabled = true;
    continue;
  }
  let busy = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    button.setAttribute("aria-busy", "true");
    says.textContent = "Waiting for your passkey…";
    try {
      await ask(form);
      form.submit();
    } catch (error) {
      says.textContent = meanings[error.name] ?? error.message;
      busy = false;
      button.removeAttribute("aria-busy");
    }
  });
}
