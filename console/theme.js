// Dark or light? As the system says, until the user chooses.

import {button} from "./kit.js";

const STORED = "throughway.theme";
const CHOICES = ["auto", "light", "dark"];

function chosen() {
	return CHOICES.find(it => it === localStorage.getItem(STORED)) ?? "auto";
}

export function applyTheme() {
	document.documentElement.dataset.theme = chosen();
}

export function themeButton() {
	const label = () => `Theme: ${chosen()}`;
	const press = () => {
		const next = CHOICES[(CHOICES.indexOf(chosen()) + 1) % CHOICES.length] ?? "auto";
		localStorage.setItem(STORED, next);
		applyTheme();
		made.textContent = label();
	};
	const made = button(label(), press, {kind: "quiet"});
	return made;
}
