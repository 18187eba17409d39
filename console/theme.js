// Dark or light? As the system says, until the user chooses.

import {h} from "./kit.js";

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
	const button = h("button", {type: "button", class: "quiet"}, label());
	button.addEventListener("click", () => {
		const next = CHOICES[(CHOICES.indexOf(chosen()) + 1) % CHOICES.length] ?? "auto";
		localStorage.setItem(STORED, next);
		applyTheme();
		button.textContent = label();
	});
	return button;
}
