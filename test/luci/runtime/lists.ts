/** LuCI's input widgets for several values. */

import { check, isPlain } from "./class.ts";
import { E } from "./dom.ts";
import { AbstractElement, type Choices, element } from "./widgets.ts";

/** Values as LuCI's toArray() makes them. */
function listOf(value: unknown): string[] {
	if (value === null || value === undefined) return [];
	return Array.isArray(value)
		? value.map(String)
		: String(value)
				.split(/\s+/)
				.filter((word) => word !== "");
}

/** Rows of text, each with a way to remove it, and a field to add one. As in LuCI, only what is entered there is looked at. */
export class DynamicList extends AbstractElement {
	private readonly initial: readonly string[];
	private readonly choices: Choices | null;

	constructor(values: unknown, choices: unknown, options?: unknown) {
		// As in LuCI: whether there must be one is looked at by who saves the form.
		super(isPlain(options) ? { ...options, optional: true } : options, ["sort", "placeholder"]);
		check(choices === null || choices === undefined || isPlain(choices), "choices are an object or null");
		this.initial = listOf(values);
		this.choices = isPlain(choices) ? choices : null;
	}

	render(): Node {
		const { id, placeholder, disabled = false } = this.options;
		const input = element(
			E("input", {
				id: id === undefined ? null : `widget.${id}`,
				type: "text",
				class: "cbi-input-text",
				placeholder,
				disabled: disabled ? "" : null,
				list: this.choices === null ? null : `list.${id}`,
			}),
		) as HTMLInputElement;
		const add = (event: Event): void => {
			event.preventDefault();
			this.addItem(input);
		};
		const button = E(
			"button",
			{ class: "cbi-button cbi-button-add", disabled: disabled ? "" : null, click: add },
			["+"],
		);
		const known = Object.keys(this.choices ?? {}).map((value) => E("option", { value }));
		const frame = element(
			E("div", { id, class: "cbi-dynlist" }, [
				E("div", { class: "add-item control-group" }, [
					input,
					this.choices === null ? E([]) : E("datalist", { id: `list.${id}` }, known),
					button,
				]),
			]),
		);
		input.addEventListener("keydown", (event) => {
			if (event.key === "Enter") add(event);
		});
		for (const event of ["keyup", "blur"])
			input.addEventListener(event, () => this.mark(input, this.errorOf(input.value)));
		this.bind(frame, frame);
		for (const value of this.initial) this.insert(value);
		return frame;
	}

	/** With what stands in the field, where it may be added. */
	getValue(): string[] {
		const values = this.items();
		const input = this.node.querySelector("input")!;
		const isPending = /\S/.test(input.value) && !input.classList.contains("cbi-input-invalid");
		if (this.choices === null && isPending && !values.includes(input.value)) values.push(input.value);
		return values;
	}

	private items(): string[] {
		return [...this.node.querySelectorAll<HTMLElement>(":scope > .item")].map(
			(item) => item.dataset.value ?? "",
		);
	}

	setValue(values: unknown): void {
		for (const item of this.node.querySelectorAll(":scope > .item")) item.remove();
		for (const value of listOf(values)) this.insert(value);
	}

	/** As in LuCI, the values that are there already are not looked at. */
	protected override values(): string[] {
		return [""];
	}

	private addItem(input: HTMLInputElement): void {
		if (input.value === "" || input.classList.contains("cbi-input-invalid")) return;
		if (!this.items().includes(input.value)) this.insert(input.value);
		input.value = "";
		this.node.dispatchEvent(new Event("change"));
	}

	private insert(value: string): void {
		const item = element(
			E("div", { class: "item", "data-value": value, tabindex: 0 }, [E("span", {}, [value])]),
		);
		// As with LuCI's, the cross at its right edge is the item's own.
		item.addEventListener("click", () => {
			item.remove();
			this.node.dispatchEvent(new Event("change"));
		});
		this.node.insertBefore(item, this.node.querySelector(".add-item"));
	}
}

/** Several of some values. */
export class Dropdown extends AbstractElement {
	private readonly initial: readonly string[];
	private readonly choices: Choices;

	constructor(values: unknown, choices: unknown, options?: unknown) {
		super(options, ["sort", "multiple", "display_items", "dropdown_items", "select_placeholder", "create"]);
		check(isPlain(choices), "choices are an object");
		this.initial = listOf(values);
		this.choices = choices;
	}

	render(): Node {
		const { id, disabled = false } = this.options;
		const items = Object.entries(this.choices).map(([value, text]) => {
			const item = element(
				E("li", { "data-value": value, selected: this.initial.includes(value) ? "" : null }, [String(text)]),
			);
			item.addEventListener("click", () => {
				if (disabled) return;
				item.toggleAttribute("selected");
				this.node.dispatchEvent(new Event("change"));
			});
			return item;
		});
		const frame = element(
			E("div", { id, class: "cbi-dropdown", multiple: "", tabindex: 0, disabled: disabled ? "" : null }, [
				E("ul", {}, items),
				E("span", { class: "open" }, ["▾"]),
			]),
		);
		frame.querySelector(".open")?.addEventListener("click", () => frame.toggleAttribute("open"));
		this.bind(frame, frame);
		return frame;
	}

	getValue(): string[] {
		return [...this.node.querySelectorAll<HTMLElement>("li[selected]")].map(
			(item) => item.dataset.value ?? "",
		);
	}

	setValue(values: unknown): void {
		const wanted = listOf(values);
		for (const item of this.node.querySelectorAll<HTMLElement>("li")) {
			item.toggleAttribute("selected", wanted.includes(item.dataset.value ?? ""));
		}
	}

	protected override values(): string[] {
		const values = this.getValue();
		return values.length === 0 ? [""] : values;
	}
}
