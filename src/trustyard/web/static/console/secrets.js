// What the tab keeps for its next page holds no private key, as far as the server itself tells one in a text.
const pattern = new RegExp(document.getElementById("typed-again").dataset.never);
const unquoted = (text) => text.replace(/%([0-9a-f]{2})/gi, (_, octet) => String.fromCharCode(parseInt(octet, 16)));

export const holdsPrivateKey = (text) => pattern.test(text) || pattern.test(unquoted(text));
