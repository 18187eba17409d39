// Which screens are there? A new one is a module in `screens/` with a function `show`, and a line
// here; it is loaded when it is first opened.

/** @type {ScreenEntry[]} */
export const SCREENS = [
	screen("Requests", "Traffic"),
	screen("Request", null),
	screen("Spend", "Traffic"),
	screen("Playground", "Traffic"),
	screen("Keys", "Access"),
	screen("Teams", "Access"),
	screen("Endpoints", "Access"),
	screen("Providers", "Access"),
	screen("Health", "Gateway"),
	screen("Cache", "Gateway"),
	screen("Settings", "Gateway"),
	screen("Audit", "Gateway")
];

/** @param {string} title @param {ScreenEntry["group"]} group @returns {ScreenEntry} */
function screen(title, group) {
	const name = title.toLowerCase();
	return {name, title, group, load: () => import(`./screens/${name}.js`)};
}
