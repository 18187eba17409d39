// Which screens are there? A new one is a module in `screens/` with a function `show`, and a line
// here; it is loaded when it is first opened.

/**
 * What a screen is given.
 * @typedef {object} View
 * @property {HTMLElement} root the element that it fills
 * @property {import("./router.js").Route} route
 * @property {AbortSignal} signal aborted when the user leaves the screen
 */

/**
 * @typedef {object} Screen
 * @property {string} name as in the URL
 * @property {string} title
 * @property {"Traffic" | "Access" | "Gateway" | null} group where the navigation has it, if it does
 * @property {() => Promise<{show: (view: View) => void | Promise<void>}>} load
 */

/** @type {Screen[]} */
export const SCREENS = [
  screen("requests", "Requests", "Traffic", () => import("./screens/requests.js")),
  screen("request", "Request", null, () => import("./screens/request.js")),
  screen("spend", "Spend", "Traffic", () => import("./screens/spend.js")),
  screen("playground", "Playground", "Traffic", () => import("./screens/playground.js")),
  screen("keys", "Keys", "Access", () => import("./screens/keys.js")),
  screen("teams", "Teams", "Access", () => import("./screens/teams.js")),
  screen("endpoints", "Endpoints", "Access", () => import("./screens/endpoints.js")),
  screen("providers", "Providers", "Access", () => import("./screens/providers.js")),
  screen("health", "Health", "Gateway", () => import("./screens/health.js")),
  screen("cache", "Cache", "Gateway", () => import("./screens/cache.js")),
  screen("settings", "Settings", "Gateway", () => import("./screens/settings.js")),
  screen("audit", "Audit", "Gateway", () => import("./screens/audit.js")),
];

/**
 * @param {string} name
 * @param {string} title
 * @param {Screen["group"]} group
 * @param {Screen["load"]} load
 * @returns {Screen}
 */
function screen(name, title, group, load) {
  return { name, title, group, load };
}
