// Dark or light? As the system says, until the user chooses.

import {button} from "./kit.js";

const STORED = "throughway.theme";
const CHOICES = ["auto", "light", "dark"];

function chosen() {
	const stored = localStorage.getItem(STORED) ?? "auto";
	return CHOICES.includes(stored) ? stored : "auto";
}

export function applyTheme() {
	document.documentElement.dataset.theme = chosen();
}

export function themeButton() {
	const label = () => `Theme: ${chosen()}`;
	const change = () => {
		const next = CHOICES[(CHOICES.indexOf(chosen()) + 1) % CHOICES.length] ?? "auto";
		localStorage.setItem(STORED, next);
		applyTheme();
		element.textContent = label();
	};
	const element = button(label(), change, {kind: "quiet"});
	return element;
}
