// Runs Azurite's blob service with accounts that come and go: Azurite reads AZURITE_ACCOUNTS once a minute, and a variable
// of a running process cannot be changed from outside. Here it is the content of a file, read at every look-up.
const fs = require("fs");
const path = require("path");

const source = path.join(process.env.AZURITE_HOME, "dist", "src");
const store = require(path.join(source, "common", "AccountDataStore.js")).default;
const getAccount = store.prototype.getAccount;
let known = "";
store.prototype.getAccount = function (name) {
  const accounts = fs.readFileSync(process.env.AZURITE_ACCOUNTS_FILE, "utf8");
  if (accounts !== known) {
    process.env.AZURITE_ACCOUNTS = accounts;
    this.refresh();
    known = accounts;
  }
  return getAccount.call(this, name);
};
require(path.join(source, "blob", "main.js"));
