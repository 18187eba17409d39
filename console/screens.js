// Which screens are there? A new one is a module in `screens/` with a function `show`, and a line
// here; it is loaded when it is first opened.

/** @type {ScreenEntry[]} */
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
	screen("audit", "Audit", "Gateway", () => import("./screens/audit.js"))
];

/** @param {string} name @param {string} title @param {ScreenEntry["group"]} group
 * @param {ScreenEntry["load"]} load @returns {ScreenEntry} */
function screen(name, title, group, load) {
	return {name, title, group, load};
}
