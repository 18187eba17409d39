// What do all screens use? The modules below, so that a screen needs one import for all of them.

export * from "./api.js";
export * from "./dialog.js";
export * from "./dom.js";
export * from "./format.js";
export * from "./router.js";
export * from "./session.js";
export * from "./table.js";
export * from "./ui.js";
