// Which providers does the gateway know by name, and where does the key of each come from?

import { api } from "../api.js";
import { h, value } from "../dom.js";
import { table } from "../table.js";
import { badge, empty, heading, loaded } from "../ui.js";
import { origin } from "../objects/shown.js";

/** @param {import("../screens.js").View} view */
export async function show({ root }) {
  await loaded(
    root,
    () => api.providers(),
    (found) => showList(found.data ?? found),
  );
}

/** @param {any[]} providers */
function showList(providers) {
  if (providers.length === 0) {
    return [heading("Providers"), empty("No providers", "Those of the settings are shown here.")];
  }
  const made = table({
    caption: "Providers",
    rows: providers,
    columns: [
      { title: "Name", cell: (it) => value(it.name), sort: (it) => it.name },
      {
        title: "Base URL",
        cell: (it) => value(it.base_url ?? it.custom_host ?? it.origin ?? "by request"),
        class: "wide",
      },
      { title: "Key", cell: keyOf },
      {
        title: "Defined in",
        cell: (it) => (it.source === "built_in" ? badge("built in") : origin(it)),
        class: "minor",
      },
    ],
  });
  return [heading("Providers"), made.element];
}

/** Where the key comes from, never the key. @param {any} provider */
function keyOf(provider) {
  const from = provider.key_from ?? provider.credential ?? provider.key ?? null;
  if (from === null || from === "none") {
    return h("span", { class: "faint" }, "none: the caller brings its own");
  }
  return value(typeof from === "string" ? from : JSON.stringify(from));
}
